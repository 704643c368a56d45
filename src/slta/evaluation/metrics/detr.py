"""QVHighlights' metrics of moments and highlights (Lei et al., NeurIPS 2021).

Shapes: q queries · k answers, best first · m true spans · t thresholds · c clips of 2 s ·
a annotators.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from slta.evaluation.metrics.table import (
    Scores,
    Spans,
    Table,
    best_iou,
    check_queries,
    first_of,
)
from slta.moments.spans import temporal_iou

IOUS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
CLIP_S = 2.0
ANSWERS = 10
"""Number of answers to a query that count for mAP."""
LENGTHS_S = {"short": (0.0, 10.0), "middle": (10.0, 30.0), "long": (30.0, np.inf)}
"""Ranges of the length of true spans, lower bound exclusive."""
LEVELS = {"Fair": 2, "Good": 3, "VeryGood": 4}
"""Saliency from which a clip is a highlight for an annotator, out of 4."""

Saliency = Float[np.ndarray, "_ _"]
"""Annotators' saliency of each clip of a video."""


def moments(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
) -> Table:
    """R@1 and mAP at IoU 0.5, 0.55, … 0.95, over all true spans and by their length.

    R@1 takes the first answer in the given order and its best true span. mAP takes the
    first ten and sorts them by score. By length, all answers are compared with the true
    spans of that length; queries without one are left out.
    """
    check_queries(truths, spans=spans, scores=scores)
    values = _moments(spans, scores, truths)
    for name, (above_s, up_to_s) in LENGTHS_S.items():
        some = [_of_length(truth, above_s, up_to_s) for truth in truths]
        if any(len(truth) for truth in some):
            metrics = _moments(spans, scores, some)
            values |= {f"{metric}, {name}": row for metric, row in metrics.items()}
    return Table(values)


def highlights(
    predicted: Sequence[Scores | None], truths: Sequence[Saliency | None]
) -> Table | None:
    """HIT@1 and mAP of the clips that annotators call highlights, at three levels.

    HIT@1: the clip with the highest score is a highlight for any annotator. mAP is the mean
    over annotators. Queries without scores get 0, queries without annotations are left out;
    None if no query has both.
    """
    pairs = list(zip(predicted, truths, strict=True))
    if not any(scores is not None and truth is not None for scores, truth in pairs):
        return None
    values = {}
    for name, level in LEVELS.items():
        rows = np.full((2, len(pairs)), np.nan)
        for query, (scores, truth) in enumerate(pairs):
            if truth is not None:
                rows[:, query] = _highlight(scores, truth >= level)
        values[f"HIT@1, {name}"], values[f"HL mAP, {name}"] = rows
    return Table(values)


def spread(
    clips: Int[np.ndarray, " r"], saliency: Float[np.ndarray, "r a"], duration_s: float
) -> Float[np.ndarray, "c a"]:
    """Saliency of all clips of a video, from that of the annotated ones; 0 for others.

    A last clip of less than 2 s is left out.

    >>> spread(np.array([1]), np.array([[4.0, 2.0, 3.0]]), 5.0).tolist()
    [[0.0, 0.0, 0.0], [4.0, 2.0, 3.0]]
    """
    count = int(duration_s / CLIP_S)
    if len(clips) and not 0 <= clips.min() <= clips.max() < count:
        raise ValueError(
            f"there is no clip {clips.max()} among {count} clips in {duration_s:g} s; "
            f"they are counted from 0 and take {CLIP_S:g} s"
        )
    table = np.zeros((count, saliency.shape[1]))
    table[clips] = saliency
    return table


def _moments(
    spans: Sequence[Spans], scores: Sequence[Scores], truths: Sequence[Spans]
) -> dict[str, Float[np.ndarray, " q"]]:
    first = np.full((len(truths), len(IOUS)), np.nan)
    precision = first.copy()
    for query, truth in enumerate(truths):
        if len(truth):
            fit = first_of(best_iou(spans[query][:1], truth))
            first[query] = fit >= np.array(IOUS)
            precision[query] = average_precision(spans[query], scores[query], truth)
    return {
        **{f"R@1, IoU={iou}": first[:, i] for i, iou in enumerate(IOUS)},
        "mAP": precision.mean(axis=1),
        **{f"mAP, IoU={iou}": precision[:, i] for i, iou in enumerate(IOUS)},
    }


def average_precision(
    spans: Float[np.ndarray, "k 2"],
    scores: Float[np.ndarray, " k"],
    truth: Float[np.ndarray, "m 2"],
) -> Float[np.ndarray, " t"]:
    """Area under the interpolated precision-recall curve, at each of ``IOUS``.

    In order of score, an answer matches the unmatched true span of best IoU; without one
    of sufficient IoU it is a false positive.
    """
    order = np.argsort(-scores[:ANSWERS], kind="stable")
    fits = temporal_iou(spans[:ANSWERS][order], truth)
    wanted = np.array(IOUS)
    taken = np.zeros((len(truth), len(IOUS)), bool)
    right = np.zeros((len(fits), len(IOUS)), bool)
    for answer, fit in enumerate(fits):
        for true in np.argsort(fit, kind="stable")[::-1]:
            takes = (fit[true] >= wanted) & ~taken[true] & ~right[answer]
            taken[true] |= takes
            right[answer] |= takes
    ranks = np.arange(1, len(fits) + 1)[:, None]
    precision = right.cumsum(axis=0) / ranks
    hull = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    area: Float[np.ndarray, " t"] = (hull * right).sum(axis=0) / len(truth)
    return area


def _highlight(
    scores: Scores | None, positive: Bool[np.ndarray, "c a"]
) -> tuple[float, float]:
    """HIT@1 and average precision. Clips without a score get 0; surplus scores cannot be a
    hit."""
    if scores is None or not len(scores):
        return 0.0, 0.0
    best = int(scores.argmax(axis=0))
    clips = len(positive)
    hit = best < clips and bool(positive[best].any(axis=0))
    padded = np.zeros(clips)
    padded[: len(scores)] = scores[:clips]
    precision = [clip_precision(padded, column) for column in positive.T]
    return float(hit), float(np.mean(precision))


def clip_precision(
    scores: Float[np.ndarray, " c"], positive: Bool[np.ndarray, " c"]
) -> float:
    """Average precision: the mean, over reached recall levels, of the best precision at that
    recall or above. Clips with equal scores count together."""
    if not positive.any(axis=0):
        return 0.0
    order = np.argsort(-scores, kind="stable")
    falls = np.append(np.diff(scores[order]) != 0, True)
    hits = positive[order].cumsum(axis=0)[falls]
    precision = hits / (np.flatnonzero(falls) + 1)
    hull = np.maximum.accumulate(precision[::-1])[::-1]
    _, first = np.unique(hits[hits > 0], return_index=True)
    return float(hull[hits > 0][first].mean(axis=0))


def _of_length(truth: Spans, above_s: float, up_to_s: float) -> Spans:
    length_s = truth[:, 1] - truth[:, 0]
    return truth[(length_s > above_s) & (length_s <= up_to_s)]
