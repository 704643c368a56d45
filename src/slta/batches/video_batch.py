"""Whole videos with their queries as one padded batch, for video models.

Shapes: v videos · b queries, each of one of them · t clips · d size of a clip's vector ·
r regions · e size of a region's vector · w words · k size of a word's vector · x of a
sentence's · s true spans.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from slta.batches.candidate_batch import Tensors, padded
from slta.features.base import QueryFeatures, VideoFeatures

Cut = Callable[[int], int]
"""Number of clips for a video of that many frames."""
CLOSE_S = 1e-3
"""Tolerance of clip boundaries, because times may be rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class VideoBatch(Tensors):
    """Input of a video model: each video once, and one video a query."""

    clips: Float[Tensor, "v t d"]
    video: Int[Tensor, " b"]
    """Index of each query's video."""
    clip_mask: Bool[Tensor, "b t"]
    duration_s: Float[Tensor, " b"]
    words: Float[Tensor, "b w k"]
    word_mask: Bool[Tensor, "b w"]
    noun_mask: Bool[Tensor, "b w"]
    sentences: Float[Tensor, "b x"]
    regions: Float[Tensor, "v t r e"]
    """Of each clip's frame; none for models that do not see them."""
    boxes: Float[Tensor, "v t r 4"]
    region_mask: Bool[Tensor, "v t r"]
    """True for real regions."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipFeatures:
    """The clips of one video, as a video model sees them."""

    vectors: Float[np.ndarray, "t d"]
    duration_s: float
    regions: Float[np.ndarray, "t r e"]
    boxes: Float[np.ndarray, "t r 4"]
    region_mask: Bool[np.ndarray, "t r"]

    @classmethod
    def of(
        cls,
        features: VideoFeatures,
        duration_s: float,
        cut: Cut,
        *,
        regions: bool = False,
    ) -> "ClipFeatures":
        """Without ``regions``, there are none in it; with them, every frame is a clip."""
        count = cut(len(features.frames))
        real = features.region_mask
        if real is None:
            real = np.ones(features.boxes.shape[:2], bool)
        arrays = [features.regions, features.boxes, real]
        if not regions:
            arrays = [np.empty((count, 0, *a.shape[2:]), a.dtype) for a in arrays]
        vectors = clips_of(features.times_s, features.frames, duration_s, count)
        return cls(vectors, duration_s, *arrays)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingVideoBatch(Tensors):
    batch: VideoBatch
    truth_s: Float[Tensor, "b s 2"]
    truth_mask: Bool[Tensor, "b s"]
    """All False for a query that is not in its video."""


def clips_of(
    times_s: Float[np.ndarray, " t"],
    frames: Float[np.ndarray, "t d"],
    duration_s: float,
    count: int,
) -> Float[np.ndarray, "c d"]:
    """Mean frame features of ``count`` clips of equal length. A clip without frames gets the
    last frame before it, or the first frame.

    >>> times_s, frames = np.arange(4.0), np.arange(4.0)[:, None]
    >>> clips_of(times_s, frames, 4.0, 2).ravel().tolist()
    [0.5, 2.5]
    >>> clips_of(times_s, frames, 4.0, 8).ravel().tolist()
    [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    """
    edges_s = np.arange(count + 1) * (duration_s / count) - CLOSE_S
    # Frames after the end belong to the last clip.
    edges_s[-1] = np.inf
    begin = np.searchsorted(np.asarray(times_s, np.float64), edges_s)
    start, end = begin[:-1], begin[1:]
    start = np.where(start == end, np.maximum(start - 1, 0), start)
    end = np.maximum(end, start + 1)
    sums = np.zeros((len(frames) + 1, frames.shape[1]))
    np.cumsum(np.asarray(frames, np.float64), axis=0, out=sums[1:])
    means = (sums[end] - sums[start]) / (end - start)[:, None]
    return np.asarray(means, np.float32)


def videos(
    clips: Sequence[ClipFeatures],
    video: Sequence[int],
    queries: Sequence[QueryFeatures],
) -> VideoBatch:
    """A padded batch; ``video`` is the index of each query's video."""
    rows, clip_mask = padded([each.vectors for each in clips])
    numbers = torch.tensor(video)
    durations_s = torch.tensor([each.duration_s for each in clips])
    words, word_mask = padded([query.word_vectors for query in queries])
    sentences = np.stack([query.sentence for query in queries])
    return VideoBatch(
        clips=rows.float(),
        video=numbers,
        clip_mask=clip_mask[numbers],
        duration_s=durations_s.float()[numbers],
        words=words.float(),
        word_mask=word_mask,
        noun_mask=padded([query.noun_mask for query in queries])[0],
        sentences=torch.from_numpy(sentences).float(),
        regions=padded([each.regions for each in clips])[0],
        boxes=padded([each.boxes for each in clips])[0].float(),
        region_mask=padded([each.region_mask for each in clips])[0],
    )
