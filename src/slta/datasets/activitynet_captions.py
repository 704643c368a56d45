"""ActivityNet Captions: paragraphs about videos, with a span for each sentence.

Krishna, Hata, Ren, Fei-Fei, Niebles: Dense-Captioning Events in Videos, ICCV 2017. Its two
validation sets annotate the same videos; as in 2D-TAN, the first is val, the second test.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from slta.datasets.annotations import Annotations, Oddities, Place, once
from slta.datasets.base import Dataset
from slta.datasets.reading import json_of
from slta.datasets.source import Count, Source
from slta.fields import FieldError, positive, sentences

NAME: Final = "activitynet-captions"
FILES = {"train": "train.json", "val": "val_1.json", "test": "val_2.json"}
ODDITIES = Oddities(
    beyond_s=0.011,
    reversed_in=frozenset(
        {"v_0bosp4-pyTM", "v_4rKTw99bM8g", "v_N7ppHQNikv8", "v_rhOtqArO-3Y"}
    ),
)


@dataclass(frozen=True, kw_only=True)
class ActivityNetCaptionsConfig:
    """ActivityNet Captions, val_1 as val and val_2 as test."""

    name: ClassVar[str] = NAME
    root: str = "activitynet-captions"
    """Folder with train.json, val_1.json and val_2.json."""


def load(config: ActivityNetCaptionsConfig) -> Dataset:
    return read(Path(config.root)).dataset(name=NAME)


@once
def read(root: Path) -> Annotations:
    annotations = Annotations(root, ODDITIES)
    for split, name in FILES.items():
        file = annotations.file(name, split=split)
        if file is None:
            continue
        content, places = json_of(annotations, file, {})
        for video_id, entry in content.items():
            place = places.of(video_id, video_id)
            _entry(annotations, split, file, place, video_id, entry)
    return annotations


def _entry(
    annotations: Annotations,
    split: str,
    file: Path,
    place: Place,
    video_id: str,
    entry: Any,
) -> None:
    try:
        duration_s, captions = positive(entry, "duration"), sentences(entry)
    except FieldError as error:
        return annotations.fault(file, place, error.what, error.remedy)
    if annotations.durations_s.setdefault(video_id, duration_s) != duration_s:
        what = f"gives {video_id} a different length than before ({duration_s:g} s)"
        remedy = "get the files again, all from one place"
        return annotations.fault(file, place, what, remedy)
    for i, (span, sentence) in enumerate(captions, start=1):
        annotations.add(
            split,
            file,
            place,
            query_id=f"{video_id}:{split}:{i}",
            video_id=video_id,
            query=sentence,
            spans=[span],
        )
    return None


SOURCE = Source(
    title="ActivityNet Captions",
    files=", ".join(FILES.values()),
    authors="Krishna et al., ICCV 2017; videos by Caba Heilbron et al., CVPR 2015",
    get="the authors' page, cs.stanford.edu/people/ranjaykrishna/densevid",
    licence="annotations as the repositories that carry them, MIT; videos: YouTube's",
    size="7.3 MB",
    film_h=487.6,
    videos="activity-net.org",
    layout='{VIDEO: {"duration", "timestamps": [[START, END]], "sentences"}}, seconds',
    counts={
        "train": Count(10009, 37421),
        "val": Count(4917, 17505),
        "test": Count(4885, 17031),
    },
    read=read,
    open=lambda root: load(ActivityNetCaptionsConfig(root=str(root))),
)
