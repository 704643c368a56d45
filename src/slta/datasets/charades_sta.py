"""Charades-STA: sentences with spans, about videos of daily activities at home.

Gao, Sun, Yang, Nevatia: TALL, Temporal Activity Localization via Language Query, ICCV
2017. The videos and their lengths are of Charades: Sigurdsson et al., Hollywood in Homes,
ECCV 2016.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from slta.datasets.annotations import Annotations, Oddities, once, with_val
from slta.datasets.base import Dataset
from slta.datasets.reading import table
from slta.datasets.source import Count, Source
from slta.fields import FieldError, above_0, written

NAME: Final = "charades-sta"
SPLITS = ("train", "test")
ODDITIES = Oddities(
    # At most 1.54 s, as in the intervals of Charades that they are made from.
    beyond_s=1.55,
    # Four lines of train.
    reversed_in=frozenset({"AKKWU", "IOL8Q", "LEOL6"}),
)
NOT_RELEASED = frozenset(
    "62AC0 F7TG5 KTXSD N56QO NBKCK Q5MDU TJJKK TQO6O TRHT1 TUD6M WZZPC Y8L60".split()
)
"""Test videos with 26 queries that the SLTA release lacks."""


@dataclass(frozen=True, kw_only=True)
class CharadesSTAConfig:
    """Charades-STA, with a val split held out of train."""

    name: ClassVar[str] = NAME
    root: str = "charades-sta"
    """Folder with charades_sta_train.txt and the other official files."""
    cut: bool = True
    """Clip spans that end after their video; SLTA's paper does not."""
    released_only: bool = False
    """Leave out the 26 test queries that the SLTA release lacks."""


def load(config: CharadesSTAConfig) -> Dataset:
    annotations = read(Path(config.root))
    splits = with_val(annotations)
    if config.released_only and "test" in splits:
        released = (q for q in splits["test"] if q.video_id not in NOT_RELEASED)
        splits["test"] = [*released]
    return annotations.dataset(name=NAME, cut=config.cut, splits=splits)


@once
def read(root: Path) -> Annotations:
    annotations = Annotations(root, ODDITIES)
    for split in SPLITS:
        videos = _lengths(annotations, split)
        if file := annotations.file(f"charades_sta_{split}.txt", split=split):
            for number, line in annotations.lines(file):
                _query(annotations, split, file, number, line, videos)
    return annotations


def _query(
    annotations: Annotations,
    split: str,
    file: Path,
    number: int,
    line: str,
    videos: AbstractSet[str] | None,
) -> None:
    """``3MSZA 24.3 30.4##person turn a light on.``"""
    head, mark, sentence = line.partition("##")
    form = "write VIDEO START END##SENTENCE"
    if not mark:
        return annotations.fault(file, number, "has no ## before its sentence", form)
    try:
        video_id, start, end = head.split()
        span = (float(start), float(end))
    except ValueError:
        what = f"begins with {head!r}, not with a video and two times"
        return annotations.fault(file, number, what, form)
    if videos is not None and video_id not in videos:
        what = f"names the video {video_id}, which is not in Charades_v1_{split}.csv"
        return annotations.fault(file, number, what, "correct its id")
    return annotations.add(
        split,
        file,
        number,
        query_id=f"{video_id}:{number}",
        video_id=video_id,
        query=sentence,
        spans=[span],
    )


def _lengths(annotations: Annotations, split: str) -> AbstractSet[str] | None:
    """Videos of the table of lengths; None if it is missing or has faults."""
    file = annotations.file(f"Charades_v1_{split}.csv")
    if file is None:
        return None
    before = len(annotations.problems)
    rows = list(table(annotations, file, ("id", "length")))
    is_whole = len(annotations.problems) == before
    lines: dict[str, int] = {}
    for number, row in rows:
        video_id = row["id"]
        if (first := lines.setdefault(video_id, number)) != number:
            what = f"has a second row of {video_id}, after line {first}"
            annotations.fault(file, number, what, "keep one of the two")
            continue
        try:
            annotations.durations_s[video_id] = above_0(
                "length", written(row, "length")
            )
        except FieldError as error:
            annotations.fault(file, number, error.what, error.remedy)
    return lines.keys() if is_whole else None


PAGE = "prior.allenai.org/projects/charades"
VIDEOS = f"the Charades page of the Allen Institute, {PAGE}"
SOURCE = Source(
    title="Charades-STA",
    files="charades_sta_train.txt, charades_sta_test.txt, "
    "Charades_v1_train.csv, Charades_v1_test.csv",
    authors="Gao et al., ICCV 2017; videos by Sigurdsson et al., ECCV 2016",
    get="the TALL repository, github.com/jiyanggao/TALL (sentences), and the Charades page "
    f"(lengths), {PAGE}",
    licence="Charades: non-commercial research",
    size="5.6 MB",
    film_h=56.7,
    videos=VIDEOS,
    layout="VIDEO START END##SENTENCE, seconds; csv with the columns id and length",
    counts={"train": Count(5338, 12408), "test": Count(1334, 3720)},
    read=read,
    splits=with_val,
    open=lambda root: load(CharadesSTAConfig(root=str(root))),
)
