"""Which candidates match a query: exact, one candidate at a time."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

Exact = tuple[Fraction, Fraction]


class Fit(NamedTuple):
    matching: bool
    other: bool
    near: bool
    offsets_s: Exact


def fit(candidate: Exact, truths: Sequence[Exact]) -> Fit:
    best = truths[0]
    for truth in truths:
        if _iou(candidate, truth) > _iou(candidate, best):
            best = truth
    iou = _iou(candidate, best)
    length = candidate[1] - candidate[0]
    outside = (length - _shared(candidate, best)) / length
    return Fit(
        matching=iou > Fraction(1, 2) and outside < Fraction(15, 100),
        other=iou < Fraction(3, 10),
        near=0 < iou < Fraction(3, 10),
        offsets_s=(best[0] - candidate[0], best[1] - candidate[1]),
    )


def _iou(a: Exact, b: Exact) -> Fraction:
    shared = _shared(a, b)
    return shared / ((a[1] - a[0]) + (b[1] - b[0]) - shared)


def _shared(a: Exact, b: Exact) -> Fraction:
    return max(Fraction(0), min(a[1], b[1]) - max(a[0], b[0]))
