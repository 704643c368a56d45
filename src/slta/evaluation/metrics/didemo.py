"""DiDeMo's metrics (Hendricks et al., Localizing Moments in Video, ICCV 2017).

Moments are runs of 5-second chunks, given by their first and last chunk. The last chunk
counts as a whole one even if the video ends inside it.

Shapes: k moments, best first · a annotators, each with one moment.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from slta.evaluation.metrics.ranked import plain
from slta.evaluation.metrics.table import Table, check_queries, first_of, named
from slta.moments.spans import from_chunks, temporal_iou

Chunks = Int[np.ndarray, "_ 2"]
"""Moments of one query among many."""

BEST = 3
"""Number of best-matching annotators to average over."""
UNRANKED = 22
"""Rank of a moment that is not among the answers: after all 21."""
REPORTED = tuple(named(n, iou) for n in (1, 5) for iou in (0.5, 0.7, 0.9))


def official(ranked: Sequence[Chunks], annotators: Sequence[Chunks]) -> Table:
    """DiDeMo's official Rank@1, Rank@5 and mIoU.

    A query is a hit of Rank@n if the mean rank of the three best-ranked annotators' moments
    is at most n. Its IoU is the mean of the three best IoUs of the first answer.
    """
    check_queries(annotators, answers=ranked)
    pairs = list(zip(ranked, annotators, strict=True))
    ranks = np.array([_mean_rank(*pair) for pair in pairs])
    return Table(
        {
            "Rank@1": (ranks <= 1).astype(np.float64),
            "Rank@5": (ranks <= 5).astype(np.float64),
            "mIoU": np.array([_mean_iou(*pair) for pair in pairs]),
        }
    )


def acrn(ranked: Sequence[Chunks], annotators: Sequence[Chunks]) -> Table:
    """R@1 and R@5 at IoU 0.5, 0.7, 0.9 over the 21 moments, as in ACRN, ROLE and SLTA,
    without suppression.

    Their papers do not say which annotator counts; here any of them is a hit.
    """
    spans = [from_chunks(each) for each in ranked]
    scores = [-np.arange(len(each), dtype=np.float64) for each in ranked]
    table = plain(spans, scores, [from_chunks(each) for each in annotators])
    return table.only([*REPORTED, "mIoU"])


def _mean_rank(ranked: Chunks, annotators: Chunks) -> float:
    same = (ranked[None] == annotators[:, None]).all(axis=2)
    there = same.any(axis=1)
    # argmax fails on an empty axis.
    first = same.argmax(axis=1) if len(ranked) else np.zeros(len(annotators), int)
    ranks: Float[np.ndarray, " a"] = np.where(there, first + 1.0, UNRANKED)
    return float(np.sort(ranks)[:BEST].mean(axis=0))


def _mean_iou(ranked: Chunks, annotators: Chunks) -> float:
    fits = temporal_iou(from_chunks(annotators), from_chunks(ranked[:1]))
    return float(np.mean(sorted(map(first_of, fits))[-BEST:]))
