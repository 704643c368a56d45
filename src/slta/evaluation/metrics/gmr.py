"""Metrics of queries with no moment, one or several: Generalized Moment Retrieval (2026).

An *existence score* says how surely the video shows what a query describes. Rejection is
measured over all queries, localisation over those with a moment, and both end to end.

Shapes: q queries · k answers, best first · m true spans.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from slta.evaluation.metrics.detr import ANSWERS, IOUS, average_precision
from slta.evaluation.metrics.table import (
    Scores,
    Spans,
    Statistic,
    Table,
    check_queries,
)
from slta.moments.spans import temporal_iou

FIRST = (1, 3, 5)
THRESHOLDS = (0.4, 0.6)
"""Existence scores above which a query counts as answered."""
GATE = THRESHOLDS[0]
"""The threshold end to end."""


def moments(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
    existence: Float[np.ndarray, " q"],
) -> Table:
    """All metrics. Queries without true spans have no moment; at least one has one.

    mAP is that of ``detr``. mR@k is the share of true spans that the first k answers match
    one to one, each taking the free one of best IoU, averaged over ``IOUS``; mIoU@k is the
    mean IoU of such matches without a threshold. With a +, they are of queries with several
    true spans, without the first match. G-mIoU@k counts no answers where the existence
    score is below the gate.
    """
    check_queries(truths, spans=spans, scores=scores, existence=existence.tolist())
    there = np.array([len(truth) > 0 for truth in truths])
    values = {
        "mAP": np.full((len(truths), len(IOUS)), np.nan),
        **{
            f"{name}@{k}": np.full((len(truths), len(IOUS)), np.nan)
            for name in ("mR", "mR+")
            for k in FIRST
        },
    }
    single = {
        f"{name}@{k}": np.full(len(truths), np.nan)
        for name in ("mIoU", "mIoU+", "G-mIoU")
        for k in FIRST
    }
    for query, truth in enumerate(truths):
        some = spans[query][:ANSWERS]
        fits = temporal_iou(some, truth)
        answered = existence[query] > GATE
        for k in FIRST:
            single[f"G-mIoU@{k}"][query] = _set_iou(fits[: k if answered else 0])
        if not len(truth):
            continue
        values["mAP"][query] = average_precision(spans[query], scores[query], truth)
        for k in FIRST:
            found = [len(matches(fits[:k], iou)) for iou in IOUS]
            values[f"mR@{k}"][query] = np.array(found) / len(truth)
            forced = np.sort(matches(fits[:k]))[::-1]
            most = min(k, len(truth))
            single[f"mIoU@{k}"][query] = forced.sum() / most
            if len(truth) > 1:
                left = np.maximum(np.array(found) - 1, 0)
                values[f"mR+@{k}"][query] = left / (len(truth) - 1)
                single[f"mIoU+@{k}"][query] = forced[1:].sum() / max(1, most - 1)
    means = {name: row.mean(axis=1) for name, row in values.items()}
    by_iou = {
        f"{name}, IoU={iou}": row[:, i]
        for name, row in values.items()
        for i, iou in enumerate(IOUS)
    }
    accuracies = {
        f"Acc@{t}": ((existence > t) == there).astype(np.float64) for t in THRESHOLDS
    }
    table = {
        name: row
        for name, row in {**accuracies, **means, **single, **by_iou}.items()
        if np.isfinite(row).any()
    }
    return Table(table, rejection(existence, there))


def rejection(
    existence: Float[np.ndarray, " q"], there: Bool[np.ndarray, " q"]
) -> dict[str, Statistic]:
    """AUROC of the existence score, and precision, recall and F1 of telling that a query
    has no moment; nothing where each has one."""
    if there.all():
        return {}
    found: dict[str, Statistic] = {"AUROC": partial(auroc, existence, there)}
    for threshold in THRESHOLDS:
        rejected = existence <= threshold
        right = (rejected & ~there).astype(np.float64)
        told, absent = rejected.astype(np.float64), (~there).astype(np.float64)
        found |= {
            f"Rej-F1@{threshold}": partial(_ratio, 2 * right, told + absent),
            f"Rej-P@{threshold}": partial(_ratio, right, told),
            f"Rej-R@{threshold}": partial(_ratio, right, absent),
        }
    return found


def auroc(
    scores: Float[np.ndarray, " q"],
    there: Bool[np.ndarray, " q"],
    times: Float[np.ndarray, " q"],
) -> float:
    """Area under the ROC curve of queries that count so many ``times``: the share of pairs
    in which the one that is there scores higher, equal scores counting half.

    >>> auroc(np.array([0.9, 0.5, 0.5]), np.array([True, True, False]), np.ones(3))
    0.75
    """
    _, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, weights=times * there)
    negative = np.bincount(place, weights=times * ~there)
    below = np.cumsum(negative) - negative
    pairs = positive.sum() * negative.sum()
    # A sample in which only one kind was drawn says nothing.
    return float(positive @ (below + negative / 2) / pairs) if pairs else float("nan")


def _ratio(
    part: Float[np.ndarray, " q"],
    whole: Float[np.ndarray, " q"],
    times: Float[np.ndarray, " q"],
) -> float:
    all_of_it = float(whole @ times)
    return float(part @ times) / all_of_it if all_of_it else 0.0


def matches(fits: Float[np.ndarray, "k m"], iou: float = 0.0) -> Scores:
    """The IoUs of the answers that match a true span, from those of all pairs: in their
    order, each answer takes the free one of best IoU, if that is at least ``iou``."""
    free = np.ones(fits.shape[1], bool)
    found = list[float]()
    for row in fits:
        if not free.any():
            break
        best = int(np.where(free, row, -1.0).argmax())
        if row[best] >= iou:
            free[best] = False
            found.append(float(row[best]))
    return np.array(found)


def _set_iou(fits: Float[np.ndarray, "k m"]) -> float:
    """IoU of the sets of answers and true spans; 1 if both are empty."""
    answers, truths = fits.shape
    if not answers or not truths:
        return float(answers == truths)
    matched = matches(fits)
    return float(matched.sum()) / (answers + truths - len(matched))
