"""Runs of a relevance curve: the stretches that stay above its line, taken together.

A sample at index i stands for the video from ``i / rate_hz`` to ``(i + 1) / rate_hz``.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

PEAK_S = 2.0
"""The shortest stretch whose mean counts as a peak."""

LINE = 0.6
STANDS_OUT = 0.1
"""What a curve must range over for any of it to stand out; below lies the noise of a
still picture."""

Curve = Float[np.ndarray, " t"]


class Segment(NamedTuple):
    """Samples ``first`` up to ``end`` and what they sum to."""

    first: int
    end: int
    total: float


def peak(curve: Curve, *, rate_hz: float, width_s: float = PEAK_S) -> float:
    """The best mean over so many seconds."""
    width = min(len(curve), max(1, round(width_s * rate_hz)))
    sums = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    return float((sums[width:] - sums[:-width]).max() / width)


def above_line(curve: Curve, *, rate_hz: float) -> Curve:
    """How far the curve is above the line between inside a moment and around it.

    The line lies ``LINE`` of the way from the curve's median to its peak. All of a curve
    in which nothing stands out is on the line.
    """
    if np.ptp(curve) < STANDS_OUT:
        return np.zeros_like(curve)
    median = float(np.median(curve))
    return curve - (median + LINE * (peak(curve, rate_hz=rate_hz) - median))


def runs(height: Curve) -> list[Segment]:
    """All maximal scoring runs, in their order; none where nothing is above 0.

    A run is maximal if all the shorter ones inside it sum to less, and this holds for
    no longer one around it. Found in linear time: Ruzzo and Tompa, ISMB 1999.

    >>> runs(np.array([1.0, -2.0, 3.0, -1.0, 2.0]))
    [Segment(first=0, end=1, total=1.0), Segment(first=2, end=5, total=4.0)]
    """
    found: list[tuple[int, int, float, float]] = []  # first, end, sum before, sum after
    total = 0.0
    for i, value in enumerate(height.tolist()):
        before, total = total, total + value
        if total <= before:  # also where rounding swallows a value just above 0
            continue
        run = (i, i + 1, before, total)
        while True:
            lower = len(found) - 1
            while lower >= 0 and found[lower][2] >= run[2]:
                lower -= 1
            if lower < 0 or found[lower][3] >= run[3]:
                found.append(run)
                break
            run = (found[lower][0], run[1], found[lower][2], run[3])
            del found[lower:]
    return [Segment(first, end, after - before) for first, end, before, after in found]


def spans_of(
    found: list[Segment], height: Curve, *, rate_hz: float
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 2"]]:
    """The runs in seconds, and the offsets that move their ends to the crossings.

    Between two samples the curve is taken as straight.
    """
    spans = np.array([(run.first, run.end) for run in found], np.float64).reshape(-1, 2)
    sharp = np.array(
        [(_crossing(height, run.first), _crossing(height, run.end)) for run in found],
        np.float64,
    ).reshape(-1, 2)
    return spans / rate_hz, (sharp - spans) / rate_hz


def _crossing(height: Curve, i: int) -> float:
    """Where the curve is 0 on the way from sample i - 1 to sample i."""
    if i in (0, len(height)):
        return float(i)
    left, right = float(height[i - 1]), float(height[i])
    # Samples stand for what follows them, so a crossing halfway between two of them
    # moves the boundary by half a sample. Where both are above 0, rounding swallowed
    # one of them.
    return i - 1 + left / (left - right) if (left > 0) != (right > 0) else float(i)
