"""TACoS: sentences about people who cook, in two sets of queries.

Regneri et al., Grounding Action Descriptions in Videos, TACL 2013. ``tacos-tall`` reads
the text of TALL (Gao et al., ICCV 2017), which CTRL, ROLE, SLTA and CBP use; ``tacos-2dtan``
the JSON of 2D-TAN (Zhang et al., AAAI 2020). The two ask different queries of the same
127 videos.
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
"""Frames a second, by which TALL counts."""
TEXTS = {
    "train": "tacos_train_0_74.txt",
    "val": "tacos_val_100_126.txt",
    "test": "tacos_test_75_99.txt",
}
# A sentence is often said of a span twice. In 2D-TAN's JSON, the last span of three videos
# ends up to 15 frames after them. In TALL's text, a few sentences are numbers alone.
ODDITIES = Oddities(beyond_s=0.52, duplicates=True, unreadable=True)


@dataclass(frozen=True, kw_only=True)
class TacosTallConfig:
    """TACoS as TALL has it."""

    name: ClassVar[str] = TALL
    root: str = "tacos"
    """Folder with tacos_train_0_74.txt and the other files of TALL."""
    cut: bool = True
    """Whether spans that end after the video are cut there; in the paper they are not."""


@dataclass(frozen=True, kw_only=True)
class Tacos2DTANConfig:
    """TACoS as 2D-TAN has it."""

    name: ClassVar[str] = TAN
    root: str = "tacos"
    """Folder with train.json, val.json and test.json of 2D-TAN."""


def load_tall(config: TacosTallConfig) -> Dataset:
    return read_tall(Path(config.root)).dataset(name=TALL, cut=config.cut)


def load_2dtan(config: Tacos2DTANConfig) -> Dataset:
    return read_2dtan(Path(config.root)).dataset(name=TAN)


@once
def read_tall(root: Path) -> Annotations:
    """The text knows no lengths; they are taken from 2D-TAN's JSON if it lies beside."""
    found = Annotations(root, ODDITIES)
    for split in TEXTS:
        if (root / f"{split}.json").is_file():
            _lengths(found, root / f"{split}.json")
    for split, name in TEXTS.items():
        if file := found.file(name, f"tacos_{split}.txt", split=split):
            for line, text in found.lines(file):
                _said(found, split, file, line, text)
    return found


def _said(found: Annotations, split: str, file: Path, line: int, text: str) -> None:
    """``s27-d50.avi_233_485:He took out a glass.#Person sets a mug on counter.#``"""
    head, mark, rest = text.partition(":")
    form = "write VIDEO_FIRST_LAST:SENTENCE#SENTENCE#, in frames"
    if not mark:
        return found.fault(file, line, "has no colon before its sentences", form)
    try:
        video_id, first, last = head.rsplit("_", 2)
        span = (int(first) / RATE_HZ, int(last) / RATE_HZ)
    except ValueError:
        what = f"begins with {head!r}, not with a video and two frame numbers"
        return found.fault(file, line, what, form)
    said = [each for each in rest.split("#") if each.strip()]
    if not said:
        what = f"says nothing of {head}"
        found.fault(file, line, what, "write a sentence, or remove the line")
    for i, sentence in enumerate(said, start=1):
        found.add(
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
    found = Annotations(root, ODDITIES)
    for split in TEXTS:
        file = found.file(f"{split}.json", split=split)
        if file is None:
            continue
        for place, video_id, entry in _lengths(found, file):
            _entry(found, split, file, place, video_id, entry)
    return found


def _lengths(
    found: Annotations, file: Path
) -> list[tuple[Place, str, Mapping[str, Any]]]:
    """Notes the lengths of the videos; returns the entries that have one."""
    content, places = json_of(found, file, {})
    entries: list[tuple[Place, str, Mapping[str, Any]]] = []
    for video_id, entry in content.items():
        place = places.of(video_id, video_id)
        try:
            rate_hz, frames = positive(entry, "fps"), positive(entry, "num_frames")
        except FieldError as error:
            found.fault(file, place, error.what, error.remedy)
            continue
        found.durations_s[video_id] = frames / rate_hz
        entries.append((place, video_id, entry))
    return entries


def _entry(
    found: Annotations,
    split: str,
    file: Path,
    place: Place,
    video_id: str,
    entry: Mapping[str, Any],
) -> None:
    try:
        said = sentences(entry)
    except FieldError as error:
        return found.fault(file, place, error.what, error.remedy)
    rate_hz = float(entry["fps"])
    for i, ((first, last), sentence) in enumerate(said, start=1):
        found.add(
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
