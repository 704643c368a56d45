"""Hits, recall and IoU of ranked spans, and the table of them.

Shapes: q queries · k answers, best first · m true spans.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from slta.spans import temporal_iou

FIRST = (1, 5, 10)
IOUS = (0.1, 0.3, 0.5, 0.7, 0.9)

Spans = Float[np.ndarray, "_ 2"]
"""The spans of one query among many."""
Scores = Float[np.ndarray, " _"]
"""One score for each of them; higher is better."""


def best_iou(
    ranked: Float[np.ndarray, "k 2"], truth: Float[np.ndarray, "m 2"]
) -> Float[np.ndarray, " k"]:
    """IoU of each answer with the true span that it fits best."""
    if not len(truth):
        raise ValueError(
            "a query without a true span has no IoU; leave it out of R@n and mIoU, "
            "and measure apart whether it is answered with nothing"
        )
    best: Scores = temporal_iou(ranked, truth).max(axis=1)
    return best


def hit(
    ranked: Float[np.ndarray, "k 2"],
    truth: Float[np.ndarray, "m 2"],
    *,
    n: int,
    iou: float,
) -> bool:
    """Whether any of the first ``n`` answers reaches ``iou`` with any true span.

    A query without answers is a miss.

    >>> hit(np.array([[0.0, 9.0]]), np.array([[0.0, 10.0]]), n=1, iou=0.9)
    True
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if not 0 < iou <= 1:
        raise ValueError(f"the IoU of a hit must be in (0, 1], got {iou}")
    return bool((best_iou(ranked[:n], truth) >= iou).any())


def recall(
    ranked: Sequence[Spans],
    truths: Sequence[Spans],
    *,
    n: int,
    iou: float,
) -> float:
    """R@n, IoU=m: the share of queries that are a hit."""
    check_queries(truths, answers=ranked)
    pairs = zip(ranked, truths, strict=True)
    return float(np.mean([hit(*pair, n=n, iou=iou) for pair in pairs]))


def mean_iou(
    ranked: Sequence[Spans],
    truths: Sequence[Spans],
) -> float:
    """mIoU: of each query's first answer, with 0 for a query without answers."""
    check_queries(truths, answers=ranked)
    pairs = zip(ranked, truths, strict=True)
    return float(np.mean([first_of(best_iou(*pair)) for pair in pairs]))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What a protocol measures over a set of queries, kept query by query."""

    hits: Bool[np.ndarray, "q 3 5"]
    """Whether the first ``FIRST[i]`` answers of a query reach ``IOUS[j]``."""
    first_iou: Float[np.ndarray, " q"]
    """IoU of the first answer of a query; 0 where it has none."""

    @property
    def queries(self) -> int:
        return len(self.hits)

    @property
    def mean_iou(self) -> float:
        return float(self.first_iou.mean(axis=0))

    def per_query(self, *, n: int, iou: float) -> Float[np.ndarray, " q"]:
        """1 for a hit, 0 for a miss, in the order of the queries."""
        if n not in FIRST or iou not in IOUS:
            raise ValueError(
                f"R@{n}, IoU={iou} is not measured; n is one of {FIRST}, IoU of {IOUS}"
            )
        return self.hits[:, FIRST.index(n), IOUS.index(iou)].astype(np.float64)

    def recall(self, *, n: int, iou: float) -> float:
        return float(self.per_query(n=n, iou=iou).mean(axis=0))

    def lines(self) -> list[str]:
        """One line a threshold, as the field's training logs print them."""
        return [
            "; ".join(
                f"IoU={iou}, R@{n}: {self.recall(n=n, iou=iou):.4f}"
                for n in reversed(FIRST)
            )
            for iou in IOUS
        ]

    def as_dict(self) -> dict[str, float]:
        """Every number by its name, as shares, with the number of queries."""
        recalls = {
            f"R@{n}, IoU={iou}": self.recall(n=n, iou=iou)
            for n in FIRST
            for iou in IOUS
        }
        return {**recalls, "mIoU": self.mean_iou, "queries": self.queries}


def first_of(fit: Scores) -> float:
    return float(fit[0]) if len(fit) else 0.0


def check_queries(truths: Sequence[Spans], **others: Sequence[object]) -> None:
    if not len(truths):
        raise ValueError("no queries to measure; look whether the split is empty")
    for name, values in others.items():
        if len(values) != len(truths):
            raise ValueError(
                f"{len(truths)} queries have truths but {len(values)} have {name}; "
                "give one of each a query, empty where nothing was answered"
            )
