"""Moments that were found, and those of a video joined where they are close."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from slta.moments import Span


@dataclass(frozen=True, slots=True)
class Found:
    """A moment of a video, found for a query."""

    query: str
    path: Path
    span: Span
    score: float
    confidence: float
    """How surely the video shows what the query says, in [0, 1]."""
    duration_s: float
    """Length of the video."""


class Ranked(NamedTuple):
    found: Found
    rank: int
    """From 1 on, among the moments of the same query."""


def ranked(found: Sequence[Found]) -> list[Ranked]:
    """The moments with their ranks, which follow from their order."""
    count = Counter[str]()
    ranks = []
    for moment in found:
        count[moment.query] += 1
        ranks.append(Ranked(moment, count[moment.query]))
    return ranks


def merged(
    found: Sequence[Found], gap_s: float | None = None, pad_s: float = 0.0
) -> list[Found]:
    """Moments that begin ``pad_s`` earlier and end as much later, within their video.

    Those of one video and query are joined if then at most ``gap_s`` seconds are between
    them; None joins none. A joined moment takes the place, the score and the confidence
    of the best of its own.
    """
    if not (isfinite(pad_s) and pad_s >= 0):
        raise ValueError(f"pad_s must be finite and at least 0, got {pad_s}")
    if gap_s is not None and not (isfinite(gap_s) and gap_s >= 0):
        raise ValueError(f"gap_s must be finite and at least 0, got {gap_s}")
    padded = [replace(moment, span=_padded(moment, pad_s)) for moment in found]
    if gap_s is None:
        return padded
    groups: dict[tuple[str, Path], list[int]] = {}
    for i, moment in enumerate(padded):
        groups.setdefault((moment.query, moment.path), []).append(i)
    joined = dict[int, Found]()
    for group in groups.values():
        for run in _runs([padded[i].span for i in group], gap_s):
            places = [group[i] for i in run]
            parts = [padded[i] for i in places]
            joined[min(places)] = replace(
                parts[0],
                span=Span(
                    min(part.span.start for part in parts),
                    max(part.span.end for part in parts),
                ),
                score=max(part.score for part in parts),
                confidence=max(part.confidence for part in parts),
            )
    return [joined[place] for place in sorted(joined)]


def _padded(moment: Found, pad_s: float) -> Span:
    start, end = moment.span.start, moment.span.end
    # A span may end a little after its video, by rounding.
    return Span(max(0.0, start - pad_s), max(end, min(end + pad_s, moment.duration_s)))


def _runs(spans: Sequence[Span], gap_s: float) -> list[list[int]]:
    """Indices of spans that are at most ``gap_s`` apart, directly or by others."""
    runs = list[list[int]]()
    end = 0.0
    for i in sorted(range(len(spans)), key=lambda i: spans[i].start):
        if runs and spans[i].start - end <= gap_s:
            runs[-1].append(i)
            end = max(end, spans[i].end)
        else:
            runs.append([i])
            end = spans[i].end
    return runs
