"""Votes on a moment's ends, one pair of spans at a time."""

import math
from collections.abc import Sequence

Times = tuple[float, float]


def vote(spans: Sequence[Times], relevance: Sequence[float], iou: float) -> list[Times]:
    mean = math.fsum(relevance) / len(relevance)
    spread = math.sqrt(
        math.fsum((each - mean) ** 2 for each in relevance) / len(relevance)
    )
    weights = [math.exp(3 * (each - mean) / (spread or 1)) for each in relevance]
    found = []
    for span in spans:
        voters = [i for i, other in enumerate(spans) if _iou(span, other) >= iou]
        total = math.fsum(weights[i] for i in voters)
        if not voters:
            found.append(span)
            continue
        start, end = (
            math.fsum(weights[i] * spans[i][edge] for i in voters) / total
            for edge in (0, 1)
        )
        found.append((start, end))
    return found


def _iou(a: Times, b: Times) -> float:
    shared = min(a[1], b[1]) - max(a[0], b[0])
    if shared <= 0:
        return 0.0
    return shared / (max(a[1], b[1]) - min(a[0], b[0]))
