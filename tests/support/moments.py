"""Moments that no search found."""

from pathlib import Path

from slta.export.found import Found
from slta.moments import Span


def moment(
    start: float | int = 1,
    end: float | int = 2,
    *,
    query: str = "a red car",
    path: Path | str = "film.mp4",
    score: float = 0.5,
    confidence: float = 0.9,
    duration_s: float = 10.0,
) -> Found:
    return Found(
        query, Path(path), Span(float(start), float(end)), score, confidence, duration_s
    )
