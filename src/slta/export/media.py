"""Spans of moments as frames of their files and of a timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from slta.export.found import Found, Ranked
from slta.export.texts import in_a_line
from slta.moments import Span
from slta.video.timing import Timing, timing


class Range(NamedTuple):
    """Frames ``[start, end)``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Media:
    """A video file as a timeline refers to it."""

    path: Path
    """Absolute."""
    timing: Timing
    duration_s: float

    @property
    def name(self) -> str:
        """Name of the file, in a line."""
        return in_a_line(self.path.name) or "video"

    @property
    def url(self) -> str:
        return self.path.as_uri()

    @property
    def frames(self) -> Range:
        """All frames of the file, numbered by its timecode."""
        first = self.timing.first
        count = max(1, round(Fraction(self.duration_s) * self.timing.rate))
        return Range(first, first + count)

    def part(self, span: Span, rate: Fraction) -> Range:
        """The nearest frames of a span at some rate, from 0 on; at least one."""
        count = max(1, round(Fraction(self.duration_s) * rate))
        start = min(round(Fraction(span.start) * rate), count - 1)
        end = min(round(Fraction(span.end) * rate), count)
        return Range(start, max(start + 1, end))

    def numbered(self, span: Span) -> Range:
        """The frames of a span as the file's timecode numbers them."""
        first, (start, end) = self.timing.first, self.part(span, self.timing.rate)
        return Range(first + start, first + end)


def media_of(found: Sequence[Found]) -> dict[Path, Media]:
    """The files of moments by their paths. Raises ``InputError`` for an unusable file."""
    return {
        moment.path: Media(
            # The name of a link is kept, as it is the one that the user knows.
            moment.path.parent.resolve() / moment.path.name,
            timing(moment.path),
            moment.duration_s,
        )
        for moment in {moment.path: moment for moment in found}.values()
    }


def by_query(moments: Sequence[Ranked]) -> dict[str, list[Ranked]]:
    """The moments of each query, in the order of the queries."""
    groups: dict[str, list[Ranked]] = {}
    for moment in moments:
        groups.setdefault(moment.found.query, []).append(moment)
    return groups


def about(moment: Ranked) -> str:
    """Rank and confidence, for the comment of a marker."""
    return f"rank {moment.rank}, confidence {moment.found.confidence:.2f}"
