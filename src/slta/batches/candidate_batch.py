"""Videos, candidates and queries as one padded batch.

Shapes: v videos · t frames · r regions · e size of a region's vector · d of a frame's ·
k of a word's · x of a sentence's · c candidates · b queries · w words · p pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from slta.features.base import QueryFeatures, VideoFeatures

Alike = TypeVar("Alike", bound="Tensors")
CONTEXTS = 3
"""Clips of a candidate: before, inside and after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidate spans of one video, with their frames and clips."""

    spans: Float[np.ndarray, "c 2"]
    first: Int[np.ndarray, " c"]
    """Index of the first frame inside."""
    count: Int[np.ndarray, " c"]
    """Number of frames inside; at least one."""
    clips: Float[np.ndarray, "c 3 d"]
    """Mean frame features before, inside and after."""
    places: Float[np.ndarray, "c 2"]
    """Start and end as fractions of the video."""
    video_means: Float[np.ndarray, "c d"]
    """Mean frame feature of the video, the same for all."""

    def __getitem__(self, which: slice | Sequence[int]) -> "Candidates":
        rows = {f.name: getattr(self, f.name)[which] for f in fields(self)}
        return Candidates(**rows)


def candidates_of(
    features: VideoFeatures,
    spans: Float[np.ndarray, "c 2"],
    *,
    rate_hz: float,
    context_s: float,
    video_mean: Float[np.ndarray, " d"] | None = None,
) -> Candidates:
    """Candidates with the frames whose times are inside; a span without one gets the frame
    nearest to its centre.

    Contexts are ``context_s`` seconds, clipped to the video; a missing context is replaced
    by the candidate's own clip. ``video_mean`` may be passed to avoid computing it again.
    """
    total = len(features.frames)

    def bounds(edges_s: Float[np.ndarray, " c"]) -> Int[np.ndarray, " c"]:
        numbers = np.ceil(edges_s * rate_hz - 1e-6).astype(np.int64)
        return np.clip(numbers, 0, total)

    first, end = bounds(spans[:, 0]), bounds(spans[:, 1])
    nearest = np.rint(spans.mean(axis=1) * rate_hz).astype(np.int64)
    first = np.where(first < end, first, np.clip(nearest, 0, total - 1))
    end = np.maximum(end, first + 1)
    before, after = bounds(spans[:, 0] - context_s), bounds(spans[:, 1] + context_s)
    parts = np.stack([before, first, first, end, end, after], axis=1).reshape(-1, 3, 2)
    means = _means(features.frames, parts)
    own = means[:, 1]
    pre = np.where((before < first)[:, None], means[:, 0], own)
    post = np.where((end < after)[:, None], means[:, 2], own)
    clips = np.stack([pre, own, post], axis=1).astype(np.float32)
    places = np.clip(spans * rate_hz / total, 0, 1).astype(np.float32)
    video_mean = mean_frame(features) if video_mean is None else video_mean
    video_means = np.broadcast_to(video_mean, (len(spans), len(video_mean)))
    return Candidates(spans, first, end - first, clips, places, video_means)


def mean_frame(features: VideoFeatures) -> Float[np.ndarray, " d"]:
    frames = np.asarray(features.frames, np.float64)
    mean: Float[np.ndarray, " d"] = frames.mean(axis=0).astype(np.float32)
    return mean


def _means(
    frames: Float[np.ndarray, "t d"], parts: Int[np.ndarray, "c 3 2"]
) -> Float[np.ndarray, "c 3 d"]:
    """Mean of the frames in each part; zeros for an empty one.

    Summed directly for few candidates, by cumulative sums for many overlapping ones.
    """
    start, end = parts.min(initial=len(frames)), parts.max(initial=0)
    counts = np.maximum(parts[..., 1] - parts[..., 0], 0)
    if len(parts) and counts.sum() <= end - start:
        flat = [
            _single(frames[a:b]).sum(axis=0, dtype=np.float64)
            for a, b in parts.reshape(-1, 2)
        ]
        sums = np.stack(flat).reshape(*counts.shape, -1)
    else:
        some = np.asarray(frames[start:end], np.float64)
        added = np.concatenate([np.zeros_like(some[:1]), some.cumsum(axis=0)])
        low, high = np.moveaxis(parts - start, -1, 0)
        sums = added[np.maximum(low, high)] - added[low]
    means: Float[np.ndarray, "c 3 d"] = sums / np.maximum(counts, 1)[..., None]
    return means


def _single(frames: Float[np.ndarray, "t d"]) -> Float[np.ndarray, "t d"]:
    """float16 as float32, exactly; by torch, ten times faster than by NumPy."""
    if frames.dtype != np.float16:
        return frames
    single: Float[np.ndarray, "t d"] = (
        torch.from_numpy(np.array(frames)).float().numpy()
    )
    return single


@dataclass(frozen=True, slots=True, eq=False)
class Tensors:
    """Tensors, possibly nested, that move to a device together."""

    def to(self: Alike, device: torch.device | str) -> Alike:
        return replace(
            self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True, eq=False)
class Batch(Tensors):
    """Input of a candidate model: ``pairs`` of a query and a candidate."""

    regions: Float[Tensor, "v t r e"]
    boxes: Float[Tensor, "v t r 4"]
    region_mask: Bool[Tensor, "v t r"]
    """True for real regions."""
    candidate_video: Int[Tensor, " c"]
    candidate_first: Int[Tensor, " c"]
    candidate_count: Int[Tensor, " c"]
    clips: Float[Tensor, "c 3 d"]
    places: Float[Tensor, "c 2"]
    """Start and end of a candidate as fractions of its video."""
    video_means: Float[Tensor, "c d"]
    """Mean frame feature of a candidate's video."""
    words: Float[Tensor, "b w k"]
    word_mask: Bool[Tensor, "b w"]
    noun_mask: Bool[Tensor, "b w"]
    sentences: Float[Tensor, "b x"]
    weighed_mask: Bool[Tensor, "b w"]
    """True for words of the sentence vector; in training, nouns may be dropped."""
    clip_mask: Bool[Tensor, " b"]
    """False for queries without clips in the fusion, in training only."""
    pairs: Int[Tensor, "p 2"]
    """Indices of query and candidate."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatch(Tensors):
    batch: Batch
    matching: Bool[Tensor, " p"]
    """True for pairs whose candidate matches the query."""
    offsets_s: Float[Tensor, "p 2"]
    """From the candidate to the true span; 0 for pairs that do not match."""
    elsewhere: Bool[Tensor, " p"]
    """True for pairs whose candidate is of another video."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """Consecutive frames of a video with the candidates in them."""

    regions: Float[np.ndarray, "t r e"]
    boxes: Float[np.ndarray, "t r 4"]
    candidates: Candidates
    """Frame indices are relative to the shot."""
    region_mask: Bool[np.ndarray, "t r"] | None = None


def collate(
    shots: Sequence[Shot],
    queries: Sequence[QueryFeatures],
    pairs: Int[np.ndarray, "p 2"] | None = None,
) -> Batch:
    """A padded batch. Candidates are numbered over all shots; ``pairs`` default to every
    query with every candidate, query by query."""
    words, word_mask = padded([query.word_vectors for query in queries])
    noun_mask, _ = padded([query.noun_mask for query in queries])
    regions, frame_mask = padded([shot.regions for shot in shots])
    boxes, _ = padded([shot.boxes for shot in shots])
    region_mask = frame_mask[..., None].expand(regions.shape[:3]).contiguous()
    for row, shot in enumerate(shots):
        if shot.region_mask is not None:
            real = torch.from_numpy(np.array(shot.region_mask))
            region_mask[row, : len(real)] &= real
    counts = [len(shot.candidates.spans) for shot in shots]
    if pairs is None:
        numbers = np.indices((len(queries), sum(counts)))
        pairs = numbers.reshape(2, -1).T

    def joined(name: str) -> Tensor:
        parts = [getattr(shot.candidates, name) for shot in shots]
        return torch.from_numpy(np.concatenate(parts))

    return Batch(
        regions=regions,
        boxes=boxes.float(),
        region_mask=region_mask,
        candidate_video=torch.arange(len(shots)).repeat_interleave(
            torch.tensor(counts)
        ),
        candidate_first=joined("first"),
        candidate_count=joined("count"),
        clips=joined("clips"),
        places=joined("places"),
        video_means=joined("video_means"),
        words=words.float(),
        word_mask=word_mask,
        noun_mask=noun_mask,
        sentences=torch.from_numpy(
            np.stack([query.sentence for query in queries])
        ).float(),
        weighed_mask=word_mask,
        clip_mask=torch.ones(len(queries), dtype=torch.bool),
        pairs=torch.from_numpy(np.ascontiguousarray(pairs)),
    )


def padded(arrays: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Arrays stacked along a new first axis with zero padding, and the mask of real rows."""
    lengths = np.array([len(array) for array in arrays])
    longest = max(len(array) for array in arrays)
    # Directly into the batch's array, so that regions are copied only once.
    padded = np.empty((len(arrays), longest, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
        row[len(array) :] = 0
    mask = torch.from_numpy(np.arange(longest) < lengths[:, None])
    return torch.from_numpy(padded), mask


def shot_of(
    features: VideoFeatures, candidates: Candidates, *, regions: bool = True
) -> Shot:
    """The frames that the candidates cover; without ``regions``, with empty regions."""
    start = int(candidates.first.min())
    end = int((candidates.first + candidates.count).max())
    mask = features.region_mask
    return Shot(
        regions=features.regions[start:end, : None if regions else 0],
        boxes=features.boxes[start:end, : None if regions else 0],
        candidates=replace(candidates, first=candidates.first - start),
        region_mask=None if mask is None else mask[start:end, : None if regions else 0],
    )
