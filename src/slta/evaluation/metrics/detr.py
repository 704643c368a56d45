"""QVHighlights' measures (Lei et al., Moment-DETR, NeurIPS 2021): moments, highlights.

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
"""So many answers to a query count for mAP."""
LENGTHS_S = {"short": (0.0, 10.0), "middle": (10.0, 30.0), "long": (30.0, np.inf)}
"""True spans longer than the first and no longer than the second."""
LEVELS = {"Fair": 2, "Good": 3, "VeryGood": 4}
"""A clip is a highlight for an annotator who gave it so much, out of 4."""

Saliency = Float[np.ndarray, "_ _"]
"""For each clip of a video what each annotator gave it."""


def moments(
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
) -> Table:
    """R@1 and mAP at IoU 0.5, 0.55, … 0.95, over all true spans and by their length.

    R@1 looks at the first answer as given, whatever its score, and at the true span
    that it fits best. mAP takes the first ten as given and sorts them by score. By
    length, all answers are held against the true spans of that length, and queries
    without one are left out.
    """
    check_queries(truths, spans=spans, scores=scores)
    values = _moments(spans, scores, truths)
    for name, (above_s, up_to_s) in LENGTHS_S.items():
        some = [_of_length(truth, above_s, up_to_s) for truth in truths]
        if any(len(each) for each in some):
            found = _moments(spans, scores, some)
            values |= {f"{measure}, {name}": each for measure, each in found.items()}
    return Table(values)


def highlights(
    predicted: Sequence[Scores | None], truths: Sequence[Saliency | None]
) -> Table | None:
    """HIT@1 and mAP of the clips that annotators call highlights, at three levels.

    A hit is a clip with the highest score that any annotator calls a highlight; mAP is
    the mean over annotators. A query with a truth but without scores has 0, and one
    without a truth is left out; where no query has both, nothing is measured.
    """
    pairs = list(zip(predicted, truths, strict=True))
    if not any(scores is not None and truth is not None for scores, truth in pairs):
        return None
    values = {}
    for name, level in LEVELS.items():
        found = np.full((2, len(pairs)), np.nan)
        for query, (scores, truth) in enumerate(pairs):
            if truth is not None:
                found[:, query] = _highlight(scores, truth >= level)
        values[f"HIT@1, {name}"], values[f"HL mAP, {name}"] = found
    return Table(values)


def spread(
    clips: Int[np.ndarray, " r"], given: Float[np.ndarray, "r a"], duration_s: float
) -> Float[np.ndarray, "c a"]:
    """What annotators gave each clip of a video, from what they gave some of them.

    The others got 0. A last clip of less than 2 s does not count.

    >>> spread(np.array([1]), np.array([[4.0, 2.0, 3.0]]), 5.0).tolist()
    [[0.0, 0.0, 0.0], [4.0, 2.0, 3.0]]
    """
    count = int(duration_s / CLIP_S)
    if len(clips) and not 0 <= clips.min() <= clips.max() < count:
        raise ValueError(
            f"of {count} clips in {duration_s:g} s, clip {clips.max()} is none; they "
            f"are counted from 0 and take {CLIP_S:g} s"
        )
    found = np.zeros((count, given.shape[1]))
    found[clips] = given
    return found


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
    """Area under the falling hull of precision over recall, at each of ``IOUS``.

    Answer after answer takes the true span that it fits best among those that no better
    one took; one that fits none well enough is wrong.
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
    asked = np.arange(1, len(fits) + 1)[:, None]
    precision = right.cumsum(axis=0) / asked
    hull = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    area: Float[np.ndarray, " t"] = (hull * right).sum(axis=0) / len(truth)
    return area


def _highlight(
    scores: Scores | None, positive: Bool[np.ndarray, "c a"]
) -> tuple[float, float]:
    """HIT@1 and average precision. Clips that were not scored have 0; others than the
    video's clips cannot be hit."""
    if scores is None or not len(scores):
        return 0.0, 0.0
    best = int(scores.argmax(axis=0))
    clips = len(positive)
    hit = best < clips and bool(positive[best].any(axis=0))
    known = np.zeros(clips)
    known[: len(scores)] = scores[:clips]
    precision = [clip_precision(known, column) for column in positive.T]
    return float(hit), float(np.mean(precision))


def clip_precision(
    scores: Float[np.ndarray, " c"], positive: Bool[np.ndarray, " c"]
) -> float:
    """Mean over the levels of recall that are reached of the best precision there or
    beyond. Clips of equal score are found together and so reach one level."""
    if not positive.any(axis=0):
        return 0.0
    order = np.argsort(-scores, kind="stable")
    falls = np.append(np.diff(scores[order]) != 0, True)
    found = positive[order].cumsum(axis=0)[falls]
    precision = found / (np.flatnonzero(falls) + 1)
    hull = np.maximum.accumulate(precision[::-1])[::-1]
    _, first = np.unique(found[found > 0], return_index=True)
    return float(hull[found > 0][first].mean(axis=0))


def _of_length(truth: Spans, above_s: float, up_to_s: float) -> Spans:
    length_s = truth[:, 1] - truth[:, 0]
    return truth[(length_s > above_s) & (length_s <= up_to_s)]
