"""Spans one at a time, as one would work them out on paper."""

from collections.abc import Sequence

Pair = tuple[float, float]


def iou(a: Pair, b: Pair) -> float:
    if a[1] <= a[0] or b[1] <= b[0]:
        return 0.0
    first, second = sorted([a, b])
    if first[1] <= second[0]:
        return 0.0
    shared = min(first[1], second[1]) - second[0]
    return shared / ((a[1] - a[0]) + (b[1] - b[0]) - shared)


def nms(spans: Sequence[Pair], scores: Sequence[float], threshold: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(spans)), key=lambda i: (-scores[i], i)):
        if all(iou(spans[i], spans[j]) <= threshold for j in kept):
            kept.append(i)
    return kept
