"""Protocols that rank candidates, suppress or not, and ask for hits.

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
"""Numbers of candidates, best first."""


def plain(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
) -> Table:
    """The answers by their scores as they are; of equal scores the earlier is first."""
    return _measure(_by_score, spans, scores, truths)


def ctrl(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
) -> Table:
    """The evaluation of CTRL, ACRN, ROLE and SLTA (Gao et al., TALL, ICCV 2017).

    For each threshold m the candidates, moved by their offsets and nothing else, pass
    their own greedy suppression at m - 0.05. Two habits of that code matter:

    - A hit divides the signed overlap by the hull, ``max(end) - min(start)``. Where
      spans share time the hull is their union; where they do not, or an end lies before
      its start, the value is 0 or less, and 0 here: no threshold tells them apart.
    - Of equal scores the *later* candidate comes first, as its outputs show.
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

    One greedy suppression serves all thresholds, and a hit is an IoU *above* m: an
    answer that reaches m exactly is a miss. Of equal scores the earlier is first; that
    code leaves it to an unstable sort.
    """

    def orders(spans: Spans, scores: Scores) -> list[Ranks]:
        return [nms(spans, scores, iou=nms_iou, top=max(FIRST))] * len(IOUS)

    return _measure(orders, spans, scores, truths, strictly=True)


Orders = Callable[[Spans, Scores], list[Ranks]]
"""For each threshold the candidates that are kept, best first."""


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
                f"query {query} has NaN among its scores; look for NaN in the features "
                "of its video, then in the weights of the model"
            )
        fit = best_iou(spans[query], truth)
        for j, kept in enumerate(orders(spans[query], scores[query])):
            hits[query, :, j] = [reaches(fit[kept[:n]], IOUS[j]).any() for n in FIRST]
        # No suppression takes the first away.
        first_iou[query] = first_of(fit[kept])
    return Table.of_hits(hits, first_iou)
