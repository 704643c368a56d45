"""TACoS: sentences about cooking, in two sets of queries.

Regneri et al., Grounding Action Descriptions in Videos, TACL 2013. ``tacos-tall`` reads
the text files of TALL (Gao et al., ICCV 2017), which CTRL, ROLE, SLTA and CBP use;
``tacos-2dtan`` the JSON of 2D-TAN (Zhang et al., AAAI 2020). They have different queries
for the same 127 videos.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from slta.datasets.annotations import Annotations, Oddities, Place, once
from slta.datasets.base import Dataset
from slta.datasets.reading import json_of
from slta.datasets.source import Count, Source
from slta.fields import FieldError, positive, sentences

TALL: Final = "tacos-tall"
TAN: Final = "tacos-2dtan"
RATE_HZ = 29.4
"""Frame rate of TALL's frame numbers."""
TEXTS = {
    "train": "tacos_train_0_74.txt",
    "val": "tacos_val_100_126.txt",
    "test": "tacos_test_75_99.txt",
}
# Sentences often occur twice with the same span. In 2D-TAN's JSON, the last span of three
# videos ends up to 15 frames after them. In TALL's text, a few sentences are only numbers.
ODDITIES = Oddities(beyond_s=0.52, duplicates=True, unreadable=True)


@dataclass(frozen=True, kw_only=True)
class TacosTallConfig:
    """TACoS with TALL's queries."""

    name: ClassVar[str] = TALL
    root: str = "tacos"
    """Folder with tacos_train_0_74.txt and the other files of TALL."""
    cut: bool = True
    """Clip spans that end after their video; SLTA's paper does not."""


@dataclass(frozen=True, kw_only=True)
class Tacos2DTANConfig:
    """TACoS with 2D-TAN's queries."""

    name: ClassVar[str] = TAN
    root: str = "tacos"
    """Folder with train.json, val.json and test.json of 2D-TAN."""


def load_tall(config: TacosTallConfig) -> Dataset:
    return read_tall(Path(config.root)).dataset(name=TALL, cut=config.cut)


def load_2dtan(config: Tacos2DTANConfig) -> Dataset:
    return read_2dtan(Path(config.root)).dataset(name=TAN)


@once
def read_tall(root: Path) -> Annotations:
    """Reads TALL's text; lengths of videos come from 2D-TAN's JSON, if it is there."""
    annotations = Annotations(root, ODDITIES)
    for split in TEXTS:
        if (root / f"{split}.json").is_file():
            _lengths(annotations, root / f"{split}.json")
    for split, name in TEXTS.items():
        if file := annotations.file(name, f"tacos_{split}.txt", split=split):
            for line, text in annotations.lines(file):
                _sentences(annotations, split, file, line, text)
    return annotations


def _sentences(
    annotations: Annotations, split: str, file: Path, line: int, text: str
) -> None:
    """``s27-d50.avi_233_485:He took out a glass.#Person sets a mug on counter.#``"""
    head, mark, rest = text.partition(":")
    form = "write VIDEO_FIRST_LAST:SENTENCE#SENTENCE#, in frames"
    if not mark:
        return annotations.fault(file, line, "has no colon before its sentences", form)
    try:
        video_id, first, last = head.rsplit("_", 2)
        span = (int(first) / RATE_HZ, int(last) / RATE_HZ)
    except ValueError:
        what = f"begins with {head!r}, not with a video and two frame numbers"
        return annotations.fault(file, line, what, form)
    texts = [text for text in rest.split("#") if text.strip()]
    if not texts:
        what = f"has no sentence for {head}"
        annotations.fault(file, line, what, "write a sentence, or remove the line")
    for i, sentence in enumerate(texts, start=1):
        annotations.add(
            split,
            file,
            line,
            query_id=f"{video_id}:{split}:{line}:{i}",
            video_id=video_id,
            query=sentence,
            spans=[span],
        )
    return None


@once
def read_2dtan(root: Path) -> Annotations:
    annotations = Annotations(root, ODDITIES)
    for split in TEXTS:
        file = annotations.file(f"{split}.json", split=split)
        if file is None:
            continue
        for place, video_id, entry in _lengths(annotations, file):
            _entry(annotations, split, file, place, video_id, entry)
    return annotations


def _lengths(
    annotations: Annotations, file: Path
) -> list[tuple[Place, str, Mapping[str, Any]]]:
    """Records the lengths of the videos; returns the entries with one."""
    content, places = json_of(annotations, file, {})
    entries: list[tuple[Place, str, Mapping[str, Any]]] = []
    for video_id, entry in content.items():
        place = places.of(video_id, video_id)
        try:
            rate_hz, frames = positive(entry, "fps"), positive(entry, "num_frames")
        except FieldError as error:
            annotations.fault(file, place, error.what, error.remedy)
            continue
        annotations.durations_s[video_id] = frames / rate_hz
        entries.append((place, video_id, entry))
    return entries


def _entry(
    annotations: Annotations,
    split: str,
    file: Path,
    place: Place,
    video_id: str,
    entry: Mapping[str, Any],
) -> None:
    try:
        captions = sentences(entry)
    except FieldError as error:
        return annotations.fault(file, place, error.what, error.remedy)
    rate_hz = float(entry["fps"])
    for i, ((first, last), sentence) in enumerate(captions, start=1):
        annotations.add(
            split,
            file,
            place,
            query_id=f"{video_id}:{i}",
            video_id=video_id,
            query=sentence,
            spans=[(first / rate_hz, last / rate_hz)],
        )
    return None


FILM_H = 10.1
VIDEOS = "MPII Cooking Composite Activities"
LICENCE = "MPII Cooking: research use"
TALL_SOURCE = Source(
    title="TACoS, the queries of TALL",
    files=", ".join(TEXTS.values()),
    authors="Regneri et al., TACL 2013; split and text by Gao et al., ICCV 2017",
    get="the TALL repository, github.com/jiyanggao/TALL, or CBP's, "
    "github.com/JaywongWang/CBP",
    licence=LICENCE,
    size="1 MB",
    film_h=FILM_H,
    videos=VIDEOS,
    layout="VIDEO_FIRST_LAST:SENTENCE#SENTENCE#, frames at 29.4 a second",
    counts={
        "train": Count(75, 10146),
        "val": Count(27, 4589),
        "test": Count(25, 4083),
    },
    read=read_tall,
    open=lambda root: load_tall(TacosTallConfig(root=str(root))),
)
TAN_SOURCE = Source(
    title="TACoS, the queries of 2D-TAN",
    files="train.json, val.json, test.json",
    authors="Regneri et al., TACL 2013; JSON by Zhang et al., AAAI 2020",
    get="the 2D-TAN repository, github.com/microsoft/VideoX, folder 2D-TAN/data/TACoS",
    licence=LICENCE,
    size="1.1 MB",
    film_h=FILM_H,
    videos=VIDEOS,
    layout='{VIDEO: {"timestamps": [[FIRST, LAST]], "sentences", "fps", "num_frames"}}',
    counts={
        "train": Count(75, 9790),
        "val": Count(27, 4436),
        "test": Count(25, 4001),
    },
    read=read_2dtan,
    open=lambda root: load_2dtan(Tacos2DTANConfig(root=str(root))),
)
