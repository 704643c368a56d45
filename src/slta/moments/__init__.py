"""Span, Moment, Query and VideoInfo: frozen values that check themselves."""

from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of video time, half-open ``[start, end)``, in seconds."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (isfinite(self.start) and isfinite(self.end)):
            raise ValueError(f"a span needs finite times, got {self!r}")
        if not 0 <= self.start < self.end:
            raise ValueError(f"a span needs 0 <= start < end, got {self!r}")

    def __str__(self) -> str:
        return f"{self.start:.2f}-{self.end:.2f} s"

    @property
    def length_s(self) -> float:
        return self.end - self.start

    def overlaps(self, other: "Span") -> bool:
        """Whether they share time; touching spans do not.

        >>> Span(0.0, 2.0).overlaps(Span(2.0, 3.0))
        False
        """
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Moment:
    """An answer: a span of one video, with its score. Higher is better."""

    video_id: str
    span: Span
    score: float

    def __post_init__(self) -> None:
        if not isfinite(self.score):
            raise ValueError(f"a moment needs a finite score, got {self.score}")


@dataclass(frozen=True, slots=True)
class Query:
    """A sentence about one video, with its true spans if they are known.

    An empty ``truth`` means that the sentence describes nothing in the video.
    """

    query_id: str
    video_id: str
    query: str
    truth: tuple[Span, ...] | None = None

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise ValueError(f"query {self.query_id!r} has no words")


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Length and size of a video, without decoding it."""

    video_id: str
    duration_s: float
    width: int
    height: int
    """Size in pixels as shown: after rotation, with square pixels."""

    def __post_init__(self) -> None:
        if not (isfinite(self.duration_s) and self.duration_s > 0):
            raise ValueError(f"duration must be positive, got {self.duration_s} s")
        if min(self.width, self.height) < 1:
            raise ValueError(f"a picture of {self.width} x {self.height} has no pixels")


def clock(time_s: float) -> str:
    """A time as people read it.

    >>> clock(59.96), clock(7322.5)
    ('1:00.0', '2:02:02.5')
    """
    minutes, tenths = divmod(round(time_s * 10), 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{shown}:{tenths // 10:02}.{tenths % 10}"
