"""Candidates in exact arithmetic, one window after the other."""

from collections.abc import Sequence
from fractions import Fraction

Window = tuple[Fraction, Fraction]


def windows(
    duration_s: Fraction, lengths_s: Sequence[Fraction], overlap: Fraction
) -> list[Window]:
    found: set[Window] = set()
    for length_s in lengths_s:
        start = Fraction(0)
        while start + length_s < duration_s:
            found.add((start, start + length_s))
            start += length_s * (1 - overlap)
        found.add((max(duration_s - length_s, Fraction(0)), duration_s))
    return sorted(found)


def didemo(duration_s: float) -> list[tuple[float, float]]:
    chunks = [
        (5.0 * i, min(5.0 * i + 5.0, duration_s))
        for i in range(6)
        if 5 * i < duration_s
    ]
    runs = [
        chunks[i : j + 1] for i in range(len(chunks)) for j in range(i, len(chunks))
    ]
    return sorted((run[0][0], run[-1][1]) for run in runs)
