"""Hits, recall and IoU of ranked spans, tables of metrics, and confidence intervals.

Shapes: q queries · k answers, best first · m true spans.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from slta.moments.spans import temporal_iou

FIRST = (1, 5, 10)
IOUS = (0.1, 0.3, 0.5, 0.7, 0.9)

Spans = Float[np.ndarray, "_ 2"]
"""The spans of one query among many."""
Scores = Float[np.ndarray, " _"]
"""One score for each of them; higher is better."""
Statistic = Callable[[Float[np.ndarray, " q"]], float]
"""A number of all queries, each of which counts so many times."""


def best_iou(
    ranked: Float[np.ndarray, "k 2"], truth: Float[np.ndarray, "m 2"]
) -> Float[np.ndarray, " k"]:
    """Best IoU of each answer over the true spans."""
    if not len(truth):
        raise ValueError(
            "a query without a true span has no IoU; leave it out of R@n and mIoU"
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
    """Whether any of the first ``n`` answers has an IoU of at least ``iou`` with a true span.

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
    """R@n, IoU=m: the share of queries with a hit."""
    check_queries(truths, answers=ranked)
    pairs = zip(ranked, truths, strict=True)
    return float(np.mean([hit(*pair, n=n, iou=iou) for pair in pairs]))


def mean_iou(
    ranked: Sequence[Spans],
    truths: Sequence[Spans],
) -> float:
    """mIoU of the queries' first answers; 0 for a query without answers."""
    check_queries(truths, answers=ranked)
    pairs = zip(ranked, truths, strict=True)
    return float(np.mean([first_of(best_iou(*pair)) for pair in pairs]))


def named(n: int, iou: float) -> str:
    """Name of a metric in tables and files, such as R@1, IoU=0.5."""
    return f"R@{n}, IoU={iou}"


GRID = tuple(tuple(named(n, iou) for n in reversed(FIRST)) for iou in IOUS)
"""The metrics in the field's training logs, a row for each threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Metrics of a set of queries, by query."""

    values: Mapping[str, Float[np.ndarray, " q"]]
    """By metric: the value of each query, whose mean is the metric; NaN for queries that
    are left out. At least one query is not."""
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    """Metrics that are no means over queries."""

    @classmethod
    def of_hits(
        cls, hits: Bool[np.ndarray, "q f t"], first_iou: Float[np.ndarray, " q"]
    ) -> "Table":
        """From hits among the first ``FIRST[f]`` answers at ``IOUS[t]``, and first IoUs."""
        recalls = {
            named(n, iou): hits[:, f, t].astype(np.float64)
            for f, n in enumerate(FIRST)
            for t, iou in enumerate(IOUS)
        }
        return cls({**recalls, "mIoU": first_iou})

    @property
    def queries(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def mean_iou(self) -> float:
        return self.mean("mIoU")

    def mean(self, name: str) -> float:
        """Mean over the queries that are not left out, or the statistic of all."""
        if name in self.statistics:
            return self.statistics[name](np.ones(self.queries))
        return float(np.nanmean(self.values[name]))

    def per_query(self, *, n: int, iou: float) -> Float[np.ndarray, " q"]:
        """1 for a hit, 0 for a miss, in the order of the queries."""
        if named(n, iou) not in self.values:
            names = ", ".join(self.values)
            raise ValueError(f"{named(n, iou)} is not in this table; it has {names}")
        return self.values[named(n, iou)]

    def recall(self, *, n: int, iou: float) -> float:
        return float(self.per_query(n=n, iou=iou).mean(axis=0))

    @property
    def names(self) -> tuple[str, ...]:
        """Of all metrics."""
        return (*self.statistics, *self.values)

    def only(self, names: Iterable[str]) -> "Table":
        """Those of the metrics that it has, in this order."""
        wanted = [name for name in names if name in self.names]
        return Table(
            {name: self.values[name] for name in wanted if name in self.values},
            {n: self.statistics[n] for n in wanted if n in self.statistics},
        )

    def as_dict(self) -> dict[str, float]:
        """Means of all metrics, in [0, 1], and the number of queries."""
        return {
            **{name: self.mean(name) for name in self.names},
            "queries": self.queries,
        }

    def lines(self, rows: Sequence[Sequence[str]] = GRID) -> list[str]:
        """One line for each row of metrics."""
        return logged(self.as_dict(), rows)


def logged(means: Mapping[str, float], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines as in the field's training logs; missing metrics are left out.

    >>> logged({"R@1, IoU=0.5": 0.1149, "mIoU": 0.2}, [("R@1, IoU=0.5", "mIoU"), ("mAP",)])
    ['IoU=0.5, R@1: 0.1149; mIoU: 0.2000']
    """
    known = [[name for name in row if name in means] for row in rows]
    return [
        "; ".join(_logged(name, means[name]) for name in row) for row in known if row
    ]


def _logged(name: str, mean: float) -> str:
    return f"{', '.join(reversed(name.split(', ')))}: {mean:.4f}"


def first_of(fit: Scores) -> float:
    return float(fit[0]) if len(fit) else 0.0


def check_queries(truths: Sequence[object], **others: Sequence[object]) -> None:
    if not len(truths):
        raise ValueError("no queries to evaluate; check whether the split is empty")
    for name, values in others.items():
        if len(values) != len(truths):
            raise ValueError(
                f"{len(truths)} queries have ground truth but {len(values)} have {name}; "
                "give one of each a query, empty for no answers"
            )


AT_ONCE = 200
"""Samples that are counted at a time, for memory."""


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
    ((low, high),) = intervals(values[None], video_ids, seed=seed, samples=samples)
    return float(low), float(high)


def intervals(
    values: Float[np.ndarray, "r q"],
    video_ids: Sequence[str],
    *,
    seed: int,
    samples: int = 2000,
) -> Float[np.ndarray, "r 2"]:
    """The bootstrap of several measures of the same queries, by the same draws."""
    if not values.size or values.shape[1] != len(video_ids):
        raise ValueError(
            "an interval needs queries and the video of each, "
            f"got {values.shape[1]} values and {len(video_ids)} video ids"
        )
    names, video = np.unique(np.array(video_ids), return_inverse=True)
    counts = np.bincount(video).astype(np.float64)
    sums = np.stack([np.bincount(video, weights=row) for row in values])
    means = [
        sums @ times.T / (times @ counts)
        for times in _drawn(len(names), seed=seed, samples=samples)
    ]
    ends = np.percentile(np.concatenate(means, axis=1), [2.5, 97.5], axis=1)
    found: Float[np.ndarray, "r 2"] = ends.T
    return found


def interval_of(
    statistic: Statistic, video_ids: Sequence[str], *, seed: int, samples: int = 2000
) -> tuple[float, float]:
    """The bootstrap of a statistic, by the same draws."""
    values = resampled([statistic], video_ids, seed=seed, samples=samples)
    ((low, high),) = ends_of(values)
    return float(low), float(high)


def resampled(
    statistics: Sequence[Statistic],
    video_ids: Sequence[str],
    *,
    seed: int,
    samples: int = 2000,
) -> Float[np.ndarray, "r s"]:
    """Statistics of the same queries in each sample of the bootstrap."""
    names, video = np.unique(np.array(video_ids), return_inverse=True)
    values = [
        [statistic(row[video]) for statistic in statistics]
        for times in _drawn(len(names), seed=seed, samples=samples)
        for row in times
    ]
    return np.array(values).T


def ends_of(values: Float[np.ndarray, "r s"]) -> Float[np.ndarray, "r 2"]:
    """95 % intervals of resampled statistics; samples in which one says nothing are left
    out."""
    ends: Float[np.ndarray, "r 2"] = np.nanpercentile(values, [2.5, 97.5], axis=1).T
    return ends


def _drawn(
    videos: int, *, seed: int, samples: int
) -> Iterator[Float[np.ndarray, "s v"]]:
    """How often each video was drawn into each sample."""
    drawn = np.random.default_rng(seed).integers(videos, size=(samples, videos))
    for start in range(0, samples, AT_ONCE):
        some = drawn[start : start + AT_ONCE]
        place = some + videos * np.arange(len(some))[:, None]
        times = np.bincount(place.ravel(), minlength=len(some) * videos)
        yield times.reshape(len(some), videos).astype(np.float64)
