"""Recall of ranked candidates, with the suppression of several protocols.

Shapes: q queries · n candidates · k answers, best first.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int

from slta.evaluation.metrics.table import (
    FIRST,
    IOUS,
    Scores,
    Spans,
    Table,
    best_iou,
    check_queries,
    first_of,
)
from slta.moments.spans import nms

Ranks = Int[np.ndarray, " _"]
"""Indices of candidates, best first."""


def plain(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
) -> Table:
    """Answers by descending score, without suppression; ties keep their order."""
    return _measure(_by_score, spans, scores, truths)


def ctrl(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
) -> Table:
    """The evaluation of CTRL, ACRN, ROLE and SLTA (Gao et al., TALL, ICCV 2017).

    For each threshold m, candidates moved by their offsets but not clipped are suppressed
    at IoU m - 0.05. Two details of that code matter:

    - A hit divides the signed overlap by the hull, ``max(end) - min(start)``. For
      overlapping spans the hull is their union; for others the value is at most 0, and 0
      here, which no threshold distinguishes.
    - Of equal scores, the *later* candidate comes first, as its outputs show.
    """
    return _measure(_by_ctrl, spans, scores, truths)


def tan2d(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
    *,
    nms_iou: float = 0.5,
) -> Table:
    """The evaluation of 2D-TAN (Zhang et al., AAAI 2020) and of many after it.

    One suppression for all thresholds; a hit needs an IoU *above* m. Of equal scores the
    earlier comes first; that code uses an unstable sort.
    """

    def orders(spans: Spans, scores: Scores) -> list[Ranks]:
        return [nms(spans, scores, iou=nms_iou, top=max(FIRST))] * len(IOUS)

    return _measure(orders, spans, scores, truths, strictly=True)


Orders = Callable[[Spans, Scores], list[Ranks]]
"""Kept candidates for each threshold, best first."""


def _by_score(spans: Spans, scores: Scores) -> list[Ranks]:
    return [np.argsort(-scores, kind="stable")[: max(FIRST)]] * len(IOUS)


def _by_ctrl(spans: Spans, scores: Scores) -> list[Ranks]:
    last = len(scores) - 1
    backwards = spans[::-1], scores[::-1]
    return [last - nms(*backwards, iou=m - 0.05, top=max(FIRST)) for m in IOUS]


def _measure(
    orders: Orders,
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
    *,
    strictly: bool = False,
) -> Table:
    reaches = np.greater if strictly else np.greater_equal
    check_queries(truths, spans=spans, scores=scores)
    hits = np.zeros((len(truths), len(FIRST), len(IOUS)), dtype=bool)
    first_iou = np.zeros(len(truths))
    for query, truth in enumerate(truths):
        if np.isnan(scores[query]).any():
            raise ValueError(
                f"query {query} has NaN among its scores; look for NaN in the video's "
                "features, then in the model's weights"
            )
        fit = best_iou(spans[query], truth)
        for j, kept in enumerate(orders(spans[query], scores[query])):
            hits[query, :, j] = [reaches(fit[kept[:n]], IOUS[j]).any() for n in FIRST]
        # The first answer is never suppressed.
        first_iou[query] = first_of(fit[kept])
    return Table.of_hits(hits, first_iou)
