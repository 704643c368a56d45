"""How sure a mean over queries is."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


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
