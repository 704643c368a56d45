"""Ranking on plain lists."""

from collections.abc import Sequence

from tests.reference import spans as slow
from tests.reference.spans import Pair


def rank(
    spans: Sequence[Pair],
    scores: Sequence[float],
    *,
    duration_s: float,
    offsets_s: Sequence[Pair],
    nms_iou: float | None,
    top: int | None,
) -> list[tuple[float, float, float]]:
    found = []
    for (start, end), (more, less), score in zip(spans, offsets_s, scores, strict=True):
        start = min(max(start + more, 0.0), duration_s)
        end = min(max(end + less, 0.0), duration_s)
        if start < end:
            found.append((start, end, score))
    found.sort(key=lambda moment: -moment[2])
    if nms_iou is not None:
        pairs = [(start, end) for start, end, _ in found]
        kept = slow.nms(pairs, [score for _, _, score in found], nms_iou)
        found = [found[i] for i in kept]
    return found if top is None else found[:top]
