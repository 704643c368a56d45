"""Data sets from elsewhere: files, origin, expected counts and how to read them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from slta.datasets.annotations import Annotations
from slta.datasets.base import Dataset
from slta.moments import Query
from slta.moments.candidates import RELEASED_HZ

MILLI, CLOSE = 1000, 0.1
"""Ratio of milliseconds to seconds, and its tolerance."""
SECOND_S = 1.0
"""Tolerance for lengths in whole seconds."""
RELEASED_REGIONS = 36 * 2048
"""Numbers of a frame's regions in the SLTA release."""


def _as_read(annotations: Annotations) -> Mapping[str, Sequence[Query]]:
    return annotations.splits


class Count(NamedTuple):
    videos: int | None
    """None if unknown."""
    queries: int
    pairs: int | None = None
    """Training windows, where a release lists them."""

    def fits(self, expected: "Count") -> bool:
        """Whether it equals the expected count, ignoring unknown parts."""
        parts = zip(self, expected, strict=True)
        return all(wanted in (None, actual) for actual, wanted in parts)

    def to_json(self) -> dict[str, int | None]:
        """Without pairs, if there are none."""
        counts = {"videos": self.videos, "queries": self.queries}
        return counts if self.pairs is None else {**counts, "pairs": self.pairs}

    def __str__(self) -> str:
        # Pairs come last: for releases with pairs, their number is the published one.
        shown = f"{self.queries} queries"
        if self.videos is not None:
            shown += f" of {self.videos} videos"
        return shown if self.pairs is None else f"{shown}; {self.pairs} training pairs"


class Length(NamedTuple):
    """Length of a video, by its file or its features."""

    duration_s: float
    within_s: float
    """Tolerance."""
    file: Path | None = None
    """The file of the video or of its features."""

    def disagrees(self, other_s: float) -> tuple[str, str] | None:
        """Problem and remedy if a length from elsewhere differs; None if it agrees."""
        if abs(self.duration_s - other_s) <= max(self.within_s, SECOND_S):
            return None
        it = "it" if self.file is None else f"{self.file.name}"
        what = f"{it} lasts {self.duration_s:.2f} s"
        times = self.duration_s / other_s
        if abs(times / MILLI - 1) < CLOSE:
            return (
                what,
                f"the times of {it} look like milliseconds: divide them by 1000",
            )
        if abs(times * MILLI - 1) < CLOSE:
            return what, "that looks like milliseconds: divide it by 1000"
        if times > 1:
            remedy = "one of them has another rate or unit; correct that one"
        else:
            remedy = "one of them is cut short or has another rate; correct that one"
        return what, remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    title: str
    files: str
    """Files that the folder must have."""
    authors: str
    """Authors and publication."""
    get: str
    """Where to get the files."""
    licence: str
    size: str
    """Size of the files."""
    film_h: float | None = None
    """Total length of the videos in hours; None if the annotations do not give it."""
    videos: str
    """Where to get the videos."""
    layout: str
    """Form of a line or an entry."""
    counts: Mapping[str, Count]
    """Counts of the official splits; empty if unknown."""
    read: Callable[[Path], Annotations]
    """Reads the official files, with all their problems."""
    read_knowing: Callable[[Path, Mapping[str, Length]], Annotations] | None = None
    """The same with known lengths of videos, for files that may lack them."""
    splits: Callable[[Annotations], Mapping[str, Sequence[Query]]] = _as_read
    """Splits for training and test, from the splits of the files."""
    with_videos: bool = False
    """Whether the folder must hold videos or features."""
    open: Callable[[Path], Dataset]
    """Opens the data set as used in training."""

    @property
    def regions_gb(self) -> float | None:
        """Size of region features as in the SLTA release, in float32."""
        if self.film_h is None:
            return None
        return self.film_h * 3600 * RELEASED_HZ * RELEASED_REGIONS * 4 / 1e9
