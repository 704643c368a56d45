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


USUAL = Fraction(1, 2), Fraction(15, 100), Fraction(3, 10)


def fit(
    candidate: Exact,
    truths: Sequence[Exact],
    rule: tuple[Fraction, Fraction, Fraction] = USUAL,
) -> Fit:
    """``rule``: the IoU and the share outside of a match, the IoU of what is none."""
    best = truths[0]
    for truth in truths:
        if _iou(candidate, truth) > _iou(candidate, best):
            best = truth
    iou = _iou(candidate, best)
    length = candidate[1] - candidate[0]
    outside = (length - _shared(candidate, best)) / length
    match_iou, match_outside, other_iou = rule
    return Fit(
        matching=iou > match_iou and outside < match_outside,
        other=iou < other_iou,
        near=0 < iou < other_iou,
        offsets_s=(best[0] - candidate[0], best[1] - candidate[1]),
    )


def _iou(a: Exact, b: Exact) -> Fraction:
    shared = _shared(a, b)
    return shared / ((a[1] - a[0]) + (b[1] - b[0]) - shared)


def _shared(a: Exact, b: Exact) -> Fraction:
    return max(Fraction(0), min(a[1], b[1]) - max(a[0], b[0]))
