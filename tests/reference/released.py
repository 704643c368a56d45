"""The SLTA release's windows and pairs: exact, one window and one second at a time."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

STEP_OF = {16: 4, 32: 6, 48: 10, 64: 12, 128: 25}


def windows(frames: int, lengths: list[int]) -> list[tuple[int, int]]:
    """A window is there if its last frame, ``end - 1``, is."""
    found = set()
    for length in lengths:
        start = 1
        while start + length - 1 <= frames:
            found.add((start, start + length))
            start += STEP_OF[length]
    return sorted(found)


def truth(start_s: str, end_s: str) -> tuple[int, int]:
    """From seconds as they are written."""
    first, end = (
        int((3 * Decimal(each)).quantize(Decimal(1), ROUND_HALF_EVEN))
        for each in (start_s, end_s)
    )
    return (1 if Decimal(start_s) == 0 else first), end


def matching(
    span: tuple[int, int], frames: int, lengths: list[int]
) -> Iterator[tuple[int, int]]:
    for window in windows(frames, lengths):
        inside = sum(span[0] <= frame < span[1] for frame in range(*window))
        length, other = window[1] - window[0], span[1] - span[0]
        if not inside:
            continue
        iou = Fraction(inside, length + other - inside)
        outside = Fraction(length - inside, length)
        if iou > Fraction(1, 2) and outside < Fraction(15, 100):
            yield window
