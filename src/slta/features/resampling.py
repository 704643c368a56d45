"""Samples at any times onto the grid of a rate."""

from collections.abc import Iterable, Iterator
from math import ceil

import numpy as np

from slta.features.layouts.base import Arrays

CLOSE_S = 1e-6
"""A sample that is so little late is in time."""
ROUNDED = 2e-7
"""The same as a share of the time: 32 bits round it."""


def samples_in(duration_s: float, rate_hz: float) -> int:
    """How many of the times 0, 1/rate, 2/rate … lie before the end; at least one."""
    return max(1, ceil(duration_s * rate_hz - 1e-6))


def resampled(
    pieces: Iterable[Arrays], *, rate_hz: float, count: int
) -> Iterator[Arrays]:
    """At each time of the grid the last sample at or before it, and before the first
    sample the first."""
    done = 0
    last: Arrays = {}
    for piece in pieces:
        joined = {
            name: np.concatenate([last[name], rows]) if last else rows
            for name, rows in piece.items()
        }
        times_s = np.asarray(joined["times_s"], np.float64)
        # What is at or after the last sample belongs to it only if no piece follows.
        reached = _rank(times_s[-1:], rate_hz)[0]
        grid = np.arange(done, min(reached, count))
        if len(grid):
            yield _picked(joined, times_s, grid, rate_hz)
            done = int(grid[-1]) + 1
        last = {name: rows[-1:] for name, rows in joined.items()}
    if last and done < count:
        grid = np.arange(done, count)
        yield _picked(last, np.asarray(last["times_s"], np.float64), grid, rate_hz)


def _rank(times_s: np.ndarray, rate_hz: float) -> np.ndarray:
    """The first number on the grid that is at or after each time."""
    late_s = CLOSE_S + ROUNDED * times_s
    return np.ceil((times_s - late_s) * rate_hz).clip(0).astype(np.int64)


def _picked(
    arrays: Arrays, times_s: np.ndarray, grid: np.ndarray, rate_hz: float
) -> Arrays:
    which = np.searchsorted(_rank(times_s, rate_hz), grid, side="right") - 1
    picked = {name: rows[which.clip(0)] for name, rows in arrays.items()}
    return {**picked, "times_s": grid / rate_hz}
