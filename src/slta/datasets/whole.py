"""Whole videos with their queries as one padded batch, for models that need no candidates.

Shapes: b queries, each with its video · t clips · d size of a clip's vector · w words ·
k size of a word's vector · x of a sentence's · s true spans.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from slta.datasets.batch import padded
from slta.datasets.split import Split
from slta.features.base import QueryFeatures
from slta.spans import as_array

Cut = Callable[[int], int]
"""Into how many clips a video of so many frames is cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Videos:
    """What a model is asked: one video a query."""

    clips: Float[Tensor, "b t d"]
    clip_mask: Bool[Tensor, "b t"]
    duration_s: Float[Tensor, " b"]
    words: Float[Tensor, "b w k"]
    word_mask: Bool[Tensor, "b w"]
    sentences: Float[Tensor, "b x"]

    def to(self, device: torch.device | str) -> "Videos":
        return replace(
            self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingVideos:
    batch: Videos
    truth_s: Float[Tensor, "b s 2"]
    truth_mask: Bool[Tensor, "b s"]

    def to(self, device: torch.device | str) -> "TrainingVideos":
        return TrainingVideos(
            **{f.name: getattr(self, f.name).to(device) for f in fields(self)}
        )


def clips_of(frames: Float[np.ndarray, "t d"], count: int) -> Float[np.ndarray, "c d"]:
    """So many stretches of equal length, each the mean of the frames that begin in it; one
    in which none begins is the frame that it lies in.

    >>> clips_of(np.arange(4.0)[:, None], 2).ravel().tolist()
    [0.5, 2.5]
    >>> clips_of(np.arange(2.0)[:, None], 4).ravel().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    edges = np.arange(count + 1) * len(frames) / count
    begin = np.ceil(edges - 1e-9).astype(np.int64)
    empty = begin[1:] == begin[:-1]
    start = np.where(empty, np.floor(edges[:-1]).astype(np.int64), begin[:-1])
    end = np.where(empty, start + 1, begin[1:])
    sums = np.zeros((len(frames) + 1, frames.shape[1]))
    np.cumsum(np.asarray(frames, np.float64), axis=0, out=sums[1:])
    means = (sums[end] - sums[start]) / (end - start)[:, None]
    return np.asarray(means, np.float32)


def videos(
    clips: Sequence[Float[np.ndarray, "_ d"]],
    durations_s: Sequence[float],
    asked: Sequence[QueryFeatures],
) -> Videos:
    """Clips and length of each query's video."""
    rows, clip_mask = padded(clips)
    words, word_mask = padded([query.word_vectors for query in asked])
    sentences = np.stack([query.sentence for query in asked])
    return Videos(
        clips=rows.float(),
        clip_mask=clip_mask,
        duration_s=torch.tensor(durations_s, dtype=torch.float32),
        words=words.float(),
        word_mask=word_mask,
        sentences=torch.from_numpy(sentences).float(),
    )


class VideoSampler:
    """Draws batches of queries with a known truth. The same numbers always draw the same
    batch."""

    def __init__(self, split: Split, cut: Cut, *, queries: int) -> None:
        self._split, self._queries = split, queries
        self._known = [i for i, query in enumerate(split.queries) if query.truth]
        self._clips = {
            name: clips_of(video.frames, cut(len(video.frames)))
            for name, video in split.videos.items()
        }

    @property
    def usable(self) -> int:
        """How many queries have a truth."""
        return len(self._known)

    def draw(self, *seed: int) -> TrainingVideos:
        rng = np.random.default_rng(seed)
        count = min(self._queries, len(self._known))
        chosen = rng.choice(self._known, count, replace=False).tolist()
        queries = [self._split.queries[number] for number in chosen]
        truth, mask = padded([as_array(query.truth or ()) for query in queries])
        batch = videos(
            [self._clips[query.video_id] for query in queries],
            [self._split.infos[query.video_id].duration_s for query in queries],
            [self._split.asked[number] for number in chosen],
        )
        return TrainingVideos(batch, truth.float(), mask)

    def draw_still(self, *seed: int) -> TrainingVideos:
        raise NotImplementedError("a whole video is not one frame")
