"""Bootstrap confidence intervals of means over queries."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

AT_ONCE = 200
"""Bootstrap samples at a time, to bound memory."""


def bootstrap(
    values: Float[np.ndarray, " q"],
    video_ids: Sequence[str],
    *,
    seed: int,
    samples: int = 2000,
) -> tuple[float, float]:
    """95 % cluster-bootstrap interval of the mean over queries.

    Videos are drawn with replacement, each with all of its queries, because queries of a
    video are correlated. With one video, both ends are the mean.
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
    """``bootstrap`` of several metrics of the same queries, with the same draws."""
    if not values.size or values.shape[1] != len(video_ids):
        raise ValueError(
            "an interval needs queries and the video of each, "
            f"got {values.shape[1]} values and {len(video_ids)} video ids"
        )
    names, video = np.unique(np.array(video_ids), return_inverse=True)
    counts = np.bincount(video).astype(np.float64)
    sums = np.stack([np.bincount(video, weights=row) for row in values])
    drawn = np.random.default_rng(seed).integers(len(names), size=(samples, len(names)))
    means = []
    for start in range(0, samples, AT_ONCE):
        some = drawn[start : start + AT_ONCE]
        # How often each video was drawn into each sample.
        place = some + len(names) * np.arange(len(some))[:, None]
        times = np.bincount(place.ravel(), minlength=len(some) * len(names))
        times = times.reshape(len(some), len(names)).astype(np.float64)
        means.append(sums @ times.T / (times @ counts))
    ends = np.percentile(np.concatenate(means, axis=1), [2.5, 97.5], axis=1)
    bounds: Float[np.ndarray, "r 2"] = ends.T
    return bounds
