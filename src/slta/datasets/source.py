"""What is known of a data set: what to get and from whom, and what must be in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from slta.datasets.annotations import Annotations
from slta.datasets.base import Dataset
from slta.moments import Query
from slta.moments.candidates import RELEASED_HZ

MILLI, CLOSE = 1000, 0.1
"""A length that is so many times another, or nearly so, is in milliseconds."""
SECOND_S = 1.0
"""Lengths are said in whole seconds, too."""
RELEASED_REGIONS = 36 * 2048
"""Numbers of a frame's regions, as the release has them."""


def _as_read(found: Annotations) -> Mapping[str, Sequence[Query]]:
    return found.splits


class Count(NamedTuple):
    videos: int | None
    """None where it is not known."""
    queries: int
    pairs: int | None = None
    """Windows that the queries are trained with, where a release lists them."""

    def fits(self, expected: "Count") -> bool:
        """Whether it is what is expected, as far as that is known."""
        each = zip(self, expected, strict=True)
        return all(known in (None, mine) for mine, known in each)

    def to_json(self) -> dict[str, int | None]:
        """Pairs only where there are some."""
        found = {"videos": self.videos, "queries": self.queries}
        return found if self.pairs is None else {**found, "pairs": self.pairs}

    def __str__(self) -> str:
        # Of queries with pairs, the number of pairs is the published one: it stands last.
        shown = f"{self.queries} queries"
        if self.videos is not None:
            shown += f" of {self.videos} videos"
        return shown if self.pairs is None else f"{shown}; {self.pairs} training pairs"


class Length(NamedTuple):
    """How long a video is, by its file or its features."""

    duration_s: float
    within_s: float
    """How much it may be longer or shorter."""
    file: Path | None = None
    """What says so."""

    def disagrees(self, said_s: float) -> tuple[str, str] | None:
        """What a length that is said elsewhere differs by, and the remedy; None where the
        two agree."""
        if abs(self.duration_s - said_s) <= max(self.within_s, SECOND_S):
            return None
        it = "it" if self.file is None else f"{self.file.name}"
        what = f"{it} lasts {self.duration_s:.2f} s"
        times = self.duration_s / said_s
        if abs(times / MILLI - 1) < CLOSE:
            return (
                what,
                f"the times of {it} look like milliseconds: divide them by 1000",
            )
        if abs(times * MILLI - 1) < CLOSE:
            return what, "that looks like milliseconds: divide it by 1000"
        if times > 1:
            remedy = (
                "one of them is of another rate or in another unit; correct that one"
            )
        else:
            remedy = "one of them is cut short, or of another rate; correct that one"
        return what, remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    title: str
    files: str
    """What the folder must hold."""
    authors: str
    """Who made it, and where."""
    get: str
    """From whom the files are to be had."""
    licence: str
    size: str
    """How big the files are."""
    film_h: float | None = None
    """How long all videos are together, in hours; None where the annotations do not say."""
    videos: str
    """From whom the videos are to be had, which features are made of."""
    layout: str
    """How a line or an entry looks."""
    counts: Mapping[str, Count]
    """Of the official splits; empty where nothing is known."""
    read: Callable[[Path], Annotations]
    """The official files as they are, with everything that is wrong in them."""
    read_knowing: Callable[[Path, Mapping[str, Length]], Annotations] | None = None
    """The same once the lengths of videos are known, where the files need not say them."""
    splits: Callable[[Annotations], Mapping[str, Sequence[Query]]] = _as_read
    """Those that are trained with and tested, of what was read."""
    with_videos: bool = False
    """Whether the folder holds the videos or their features, too."""
    open: Callable[[Path], Dataset]
    """The data set as it is trained with."""

    @property
    def regions_gb(self) -> float | None:
        """Of regions as the release has them, in float32."""
        if self.film_h is None:
            return None
        return self.film_h * 3600 * RELEASED_HZ * RELEASED_REGIONS * 4 / 1e9
