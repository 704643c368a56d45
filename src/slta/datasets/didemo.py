"""DiDeMo: descriptions of moments in personal videos, by several annotators each.

Hendricks, Wang, Shechtman, Sivic, Darrell, Russell: Localizing Moments in Video with
Natural Language, ICCV 2017. The first 30 s of a video are divided into up to six 5-second
chunks, of which the last may be shorter; a moment is any run of chunks, 21 in all.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from jaxtyping import Int

from slta.datasets.annotations import Annotations, Place, once
from slta.datasets.base import Dataset, Facts
from slta.datasets.reading import Places, json_of
from slta.datasets.source import Count, Source
from slta.fields import FieldError, identity, integers, number, shown, text
from slta.moments.candidates import CHUNKS
from slta.moments.spans import CHUNK_S, from_chunks

NAME: Final = "didemo"
SPLITS = ("train", "val", "test")
FEWER_CHUNKS = "video with fewer than six chunks"
AGREED = 2
"""Minimum annotators that choose a moment for it to be a true span."""


@dataclass(frozen=True, kw_only=True)
class DiDeMoConfig:
    """DiDeMo, with the choices of its annotators."""

    name: ClassVar[str] = NAME
    root: str = "didemo"
    """Folder with train_data.json, val_data.json and test_data.json."""


def load(config: DiDeMoConfig) -> Dataset:
    return read(Path(config.root)).dataset(name=NAME)


@once
def read(root: Path) -> Annotations:
    annotations = Annotations(root)
    for split in SPLITS:
        file = annotations.file(f"{split}_data.json", split=split)
        if file is None:
            continue
        content, places = json_of(annotations, file, [])
        for i, entry in enumerate(content, start=1):
            _entry(annotations, split, file, places, i, entry)
    return annotations


def _entry(
    annotations: Annotations, split: str, file: Path, places: Places, i: int, entry: Any
) -> None:
    place: Place = str(i)
    try:
        video_id = identity(entry, "video")
        place = places.of(video_id, str(i))
        sentence = text(entry, "description")
        query_id = identity(entry, "annotation_id")
        count, chunks = _chunks(entry)
    except FieldError as error:
        return annotations.fault(file, place, error.what, error.remedy)
    duration_s = count * CHUNK_S
    if annotations.durations_s.setdefault(video_id, duration_s) != duration_s:
        what = f"gives {video_id} {count} chunks, and others before"
        return annotations.fault(file, place, what, "get the file again")
    if count < CHUNKS and video_id not in annotations.first_lines:
        remedy = "its moments are the runs of these"
        annotations.odd(
            file, place, f"gives {video_id} {count} chunks", remedy, FEWER_CHUNKS
        )
    return annotations.add(
        split,
        file,
        place,
        query_id=query_id,
        video_id=video_id,
        query=sentence,
        spans=agreed(chunks.tolist()),
        facts=Facts(chunks=chunks),
    )


def _chunks(entry: Any) -> tuple[int, Int[np.ndarray, "a 2"]]:
    """Number of chunks of the video, and first and last chunk by annotator."""
    count, chunks = number(entry, "num_segments"), integers(entry, "times", 2)
    if count not in range(1, CHUNKS + 1):
        what = f"gives num_segments as {count:g}, which is not a number of chunks"
        raise FieldError(what, f"write one from 1 to {CHUNKS}")
    first, last = chunks.T
    if not ((first >= 0) & (first <= last) & (last < count)).all():
        what = f"gives times as {shown(entry['times'])}, which are not all chunks of "
        raise FieldError(f"{what}{count:g}", "write the first and the last, from 0")
    return int(count), chunks


def agreed(chunks: list[list[int]]) -> list[tuple[float, float]]:
    """The moments chosen by at least two annotators, most votes first; if no two agree, all
    chosen moments. In seconds.

    >>> agreed([[4, 4], [0, 0], [4, 4], [0, 0], [4, 4], [1, 2]])
    [(20.0, 25.0), (0.0, 5.0)]
    """
    votes = Counter((first, last) for first, last in chunks).most_common()
    most = min(AGREED, votes[0][1]) if votes else 0
    chosen = np.array([moment for moment, count in votes if count >= most], np.int64)
    return [(start, end) for start, end in from_chunks(chosen.reshape(-1, 2)).tolist()]


SOURCE = Source(
    title="DiDeMo",
    files="train_data.json, val_data.json, test_data.json",
    authors="Hendricks et al., ICCV 2017",
    get="the LocalizingMoments repository, github.com/LisaAnne/LocalizingMoments, "
    "folder data",
    licence="annotations CC BY-NC-SA 4.0; videos Creative Commons, each its own",
    size="11 MB",
    videos="YFCC100M, see the same repository",
    layout='[{"annotation_id", "video", "description", "num_segments", '
    '"times": [[FIRST, LAST]]}], chunks of 5 s',
    counts={
        "train": Count(None, 33005),
        "val": Count(1094, 4180),
        "test": Count(1037, 4021),
    },
    read=read,
    open=lambda root: load(DiDeMoConfig(root=str(root))),
)
