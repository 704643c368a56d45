"""Segments of a relevance curve that lie above a threshold line.

Sample i covers the video from ``i / rate_hz`` to ``(i + 1) / rate_hz`` seconds.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

PEAK_S = 2.0
"""Width of the window whose best mean is the peak."""

LINE = 0.6
"""Height of the threshold line between median (0) and peak (1)."""
STANDS_OUT = 0.1
"""Range that a curve must exceed to have segments; below it lies the noise of a still
picture."""

Curve = Float[np.ndarray, " t"]


class Segment(NamedTuple):
    """Samples ``first`` up to ``end`` (exclusive) and their sum."""

    first: int
    end: int
    total: float


def peak(curve: Curve, *, rate_hz: float, width_s: float = PEAK_S) -> float:
    """The highest mean over a window of ``width_s`` seconds."""
    width = min(len(curve), max(1, round(width_s * rate_hz)))
    sums = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    return float((sums[width:] - sums[:-width]).max() / width)


def above_line(curve: Curve, *, rate_hz: float) -> Curve:
    """Height of the curve above the threshold line; 0 everywhere for a flat curve.

    The line lies ``LINE`` of the way from the curve's median to its peak.
    """
    if np.ptp(curve) < STANDS_OUT:
        return np.zeros_like(curve)
    median = float(np.median(curve))
    return curve - (median + LINE * (peak(curve, rate_hz=rate_hz) - median))


def runs(height: Curve) -> list[Segment]:
    """All maximal scoring segments, in order, in linear time (Ruzzo and Tompa, ISMB 1999).

    A segment is maximal if every proper part of it sums to less, and no longer segment
    around it has that property. A curve that is nowhere above 0 has none.

    >>> runs(np.array([1.0, -2.0, 3.0, -1.0, 2.0]))
    [Segment(first=0, end=1, total=1.0), Segment(first=2, end=5, total=4.0)]
    """
    stack: list[tuple[int, int, float, float]] = []  # first, end, sum before, sum after
    total = 0.0
    for i, value in enumerate(height.tolist()):
        before, total = total, total + value
        if total <= before:  # also where rounding swallows a value just above 0
            continue
        run = (i, i + 1, before, total)
        while True:
            lower = len(stack) - 1
            while lower >= 0 and stack[lower][2] >= run[2]:
                lower -= 1
            if lower < 0 or stack[lower][3] >= run[3]:
                stack.append(run)
                break
            run = (stack[lower][0], run[1], stack[lower][2], run[3])
            del stack[lower:]
    return [Segment(first, end, after - before) for first, end, before, after in stack]


def spans_of(
    segments: list[Segment], height: Curve, *, rate_hz: float
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 2"]]:
    """Segments in seconds, and the offsets that move their ends to the zero crossings.

    The curve is interpolated linearly between samples.
    """
    spans = np.array([(run.first, run.end) for run in segments], np.float64).reshape(
        -1, 2
    )
    sharp = np.array(
        [
            (_crossing(height, run.first), _crossing(height, run.end))
            for run in segments
        ],
        np.float64,
    ).reshape(-1, 2)
    return spans / rate_hz, (sharp - spans) / rate_hz


def _crossing(height: Curve, i: int) -> float:
    """Position of the zero crossing between samples i - 1 and i."""
    if i in (0, len(height)):
        return float(i)
    left, right = float(height[i - 1]), float(height[i])
    # Samples stand for what follows them, so a crossing halfway between two of them
    # moves the boundary by half a sample. Where both are above 0, rounding swallowed
    # one of them.
    return i - 1 + left / (left - right) if (left > 0) != (right > 0) else float(i)
