"""Runs by their definition, curves one sample at a time."""

from collections.abc import Sequence
from fractions import Fraction
from statistics import median

from slta.moments.segments import LINE, STANDS_OUT

Triple = tuple[int, int, float]


def runs(height: Sequence[float]) -> list[Triple]:
    """First, end and total of every maximal scoring run.

    The definition of Ruzzo and Tompa: the run that sums to most, of equal ones the
    shortest, then the same to the left and to the right of it, until nothing is
    above 0.
    """

    def between(first: int, end: int) -> list[Triple]:
        every = [
            (sum(height[i:j], 0.0), i - j, i, j)
            for i in range(first, end)
            for j in range(i + 1, end + 1)
        ]
        total, _, i, j = max(every, key=lambda run: run[:2], default=(0.0, 0, 0, 0))
        if total <= 0:
            return []
        return [*between(first, i), (i, j, total), *between(j, end)]

    return between(0, len(height))


def is_rising(height: Sequence[float]) -> bool:
    """Whether every run inside this one sums to less: Ruzzo and Tompa's property P1."""
    n = len(height)
    return all(
        sum(height[i:j]) < sum(height)
        for i in range(n)
        for j in range(i, n + 1)
        if j - i < n
    )


def peak(curve: Sequence[float], width: int) -> float:
    width = min(width, len(curve))
    means = [sum(curve[i : i + width]) / width for i in range(len(curve) - width + 1)]
    return max(means)


def heights(curve: Sequence[float], width: int) -> list[float]:
    """Of a curve above the line between its median and its peak."""
    if max(curve) - min(curve) < STANDS_OUT:
        return [0.0 for _ in curve]
    low, high = median(curve), peak(curve, width)
    return [value - ((1 - LINE) * low + LINE * high) for value in curve]


def crossing(before: float, after: float) -> Fraction:
    """How far it is from one sample to the next to where the straight line is 0."""
    return Fraction(before) / (Fraction(before) - Fraction(after))
