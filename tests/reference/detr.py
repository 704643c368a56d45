"""QVHighlights' measures, answer by answer and clip by clip."""

from collections.abc import Sequence

from tests.reference.spans import Pair, iou


def average_precision(
    spans: Sequence[Pair], scores: Sequence[float], truth: Sequence[Pair], m: float
) -> float:
    first_ten = list(zip(scores, spans, strict=True))[:10]
    free = list(truth)
    right: list[bool] = []
    for _, span in sorted(first_ten, key=lambda answer: -answer[0]):
        fits = [(iou(span, each), i) for i, each in enumerate(free)]
        well = [each for each in fits if each[0] >= m]
        right.append(len(well) > 0)
        if well:
            del free[max(well)[1]]
    precision = [sum(right[: i + 1]) / (i + 1) for i in range(len(right))]
    steps = [max(precision[i:]) for i in range(len(right)) if right[i]]
    return sum(steps) / len(truth)


def first_is_right(spans: Sequence[Pair], truth: Sequence[Pair], m: float) -> bool:
    return len(spans) > 0 and any(iou(spans[0], each) >= m for each in truth)


def clip_precision(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Every score in turn as the threshold from which a clip counts as found."""
    points = []
    for threshold in scores:
        found = [p for s, p in zip(scores, positive, strict=True) if s >= threshold]
        points.append((sum(found), sum(found) / len(found)))
    levels = {right for right, _ in points if right > 0}
    best = [max(p for right, p in points if right >= level) for level in levels]
    return sum(best) / len(best) if best else 0.0


def highlight(
    scores: Sequence[float], given: Sequence[Sequence[float]], level: float
) -> tuple[float, float]:
    """HIT@1 and mAP of one query."""
    best = list(scores).index(max(scores))
    hit = best < len(given) and max(given[best]) >= level
    padded = [scores[i] if i < len(scores) else 0.0 for i in range(len(given))]
    columns = zip(*given, strict=True)
    precisions = [
        clip_precision(padded, [each >= level for each in column]) for column in columns
    ]
    return float(hit), sum(precisions) / len(precisions)
