"""The field's measures, as pure functions of ranked spans and true spans.

Shapes: q queries · n candidates · k answers, best first · m true spans.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from slta.spans import nms, temporal_iou

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
    _check_queries(truths, answers=ranked)
    pairs = zip(ranked, truths, strict=True)
    return float(np.mean([hit(*pair, n=n, iou=iou) for pair in pairs]))


def mean_iou(
    ranked: Sequence[Spans],
    truths: Sequence[Spans],
) -> float:
    """mIoU: of each query's first answer, with 0 for a query without answers."""
    _check_queries(truths, answers=ranked)
    pairs = zip(ranked, truths, strict=True)
    return float(np.mean([_first(best_iou(*pair)) for pair in pairs]))


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


Protocol = Callable[[Sequence[Spans], Sequence[Scores], Sequence[Spans]], Table]
"""From the spans and scores of each query's answers, and its true spans, to a table."""

PROTOCOLS: dict[str, Protocol] = {"plain": plain, "ctrl": ctrl}


def bootstrap(
    values: Float[np.ndarray, " q"],
    video_ids: Sequence[str],
    *,
    seed: int,
    samples: int = 2000,
) -> tuple[float, float]:
    """A 95 % interval of the mean over queries, by drawing videos with replacement.

    Queries of one video are alike, so a video is drawn with all of its queries. With
    one video there is nothing to draw from, and both ends are the mean.
    """
    if not len(values) or len(values) != len(video_ids):
        raise ValueError(
            "an interval needs queries and the video of each, "
            f"got {len(values)} values and {len(video_ids)} video ids"
        )
    _, video = np.unique(np.array(video_ids), return_inverse=True)
    sums, counts = np.bincount(video, weights=values), np.bincount(video)
    drawn = np.random.default_rng(seed).integers(
        len(counts), size=(samples, len(counts))
    )
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


Order = Callable[[Spans, Scores, float], Int[np.ndarray, " k"]]


def _by_score(spans: Spans, scores: Scores, iou: float) -> Int[np.ndarray, " k"]:
    return np.argsort(-scores, kind="stable")[: max(FIRST)]


def _by_ctrl(spans: Spans, scores: Scores, iou: float) -> Int[np.ndarray, " k"]:
    kept = nms(spans[::-1], scores[::-1], iou=iou - 0.05, top=max(FIRST))
    return len(scores) - 1 - kept


def _measure(
    order: Order,
    spans: Sequence[Spans],
    scores: Sequence[Scores],
    truths: Sequence[Spans],
) -> Table:
    _check_queries(truths, spans=spans, scores=scores)
    hits = np.zeros((len(truths), len(FIRST), len(IOUS)), dtype=bool)
    first_iou = np.zeros(len(truths))
    for query, truth in enumerate(truths):
        if np.isnan(scores[query]).any():
            raise ValueError(
                f"query {query} has NaN among its scores; look for NaN in the features "
                "of its video, then in the weights of the model"
            )
        for j, iou in enumerate(IOUS):
            ranked = spans[query][order(spans[query], scores[query], iou)]
            fit = best_iou(ranked, truth)
            hits[query, :, j] = [(fit[:n] >= iou).any() for n in FIRST]
        first_iou[query] = _first(fit)
    return Table(hits, first_iou)


def _first(fit: Scores) -> float:
    return float(fit[0]) if len(fit) else 0.0


def _check_queries(truths: Sequence[Spans], **others: Sequence[object]) -> None:
    if not len(truths):
        raise ValueError("no queries to measure; look whether the split is empty")
    for name, values in others.items():
        if len(values) != len(truths):
            raise ValueError(
                f"{len(truths)} queries have truths but {len(values)} have {name}; "
                "give one of each a query, empty where nothing was answered"
            )
