"""Charades-STA: sentences with seconds, for videos of everyday life at home.

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
    # So do the intervals of Charades that they were made of: the most is 1.54 s.
    beyond_s=1.55,
    # Four lines of train.
    reversed_in=frozenset({"AKKWU", "IOL8Q", "LEOL6"}),
)
NOT_RELEASED = frozenset(
    "62AC0 F7TG5 KTXSD N56QO NBKCK Q5MDU TJJKK TQO6O TRHT1 TUD6M WZZPC Y8L60".split()
)
"""Test videos that the SLTA release leaves out, with their 26 queries."""


@dataclass(frozen=True, kw_only=True)
class CharadesSTAConfig:
    """Charades-STA, with a val split held out of train."""

    name: ClassVar[str] = NAME
    root: str = "charades-sta"
    """Folder with charades_sta_train.txt and the other official files."""
    cut: bool = True
    """Whether spans that end after the video are cut there; in the paper they are not."""
    released_only: bool = False
    """Whether the 26 test queries that the SLTA release leaves out are left out."""


def load(config: CharadesSTAConfig) -> Dataset:
    found = read(Path(config.root))
    splits = with_val(found)
    if config.released_only and "test" in splits:
        released = (q for q in splits["test"] if q.video_id not in NOT_RELEASED)
        splits["test"] = [*released]
    return found.dataset(name=NAME, cut=config.cut, splits=splits)


@once
def read(root: Path) -> Annotations:
    found = Annotations(root, ODDITIES)
    for split in SPLITS:
        videos = _lengths(found, split)
        if file := found.file(f"charades_sta_{split}.txt", split=split):
            for number, line in found.lines(file):
                _query(found, split, file, number, line, videos)
    return found


def _query(
    found: Annotations,
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
        return found.fault(file, number, "has no ## before its sentence", form)
    try:
        video_id, start, end = head.split()
        span = (float(start), float(end))
    except ValueError:
        what = f"begins with {head!r}, not with a video and two times"
        return found.fault(file, number, what, form)
    if videos is not None and video_id not in videos:
        what = f"names the video {video_id}, which Charades_v1_{split}.csv has not"
        return found.fault(file, number, what, "mend its id")
    return found.add(
        split,
        file,
        number,
        query_id=f"{video_id}:{number}",
        video_id=video_id,
        query=sentence,
        spans=[span],
    )


def _lengths(found: Annotations, split: str) -> AbstractSet[str] | None:
    """The videos that have a row; None where the table is missing or only partly read."""
    file = found.file(f"Charades_v1_{split}.csv")
    if file is None:
        return None
    before = len(found.problems)
    rows = list(table(found, file, ("id", "length")))
    is_whole = len(found.problems) == before
    lines: dict[str, int] = {}
    for number, row in rows:
        video_id = row["id"]
        if (first := lines.setdefault(video_id, number)) != number:
            what = f"has a second row of {video_id}, after line {first}"
            found.fault(file, number, what, "keep one of the two")
            continue
        try:
            found.durations_s[video_id] = above_0("length", written(row, "length"))
        except FieldError as error:
            found.fault(file, number, error.what, error.remedy)
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
