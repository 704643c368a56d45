"""Random batches that every model can be asked, and what is done with them."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import torch

from slta.batches.candidate_batch import Batch, TrainingBatch
from slta.models import build
from slta.models.base import Model, Scale, Sizes
from slta.models.parts.attention import BOX

SIZES = Sizes(region=6, frame=5, word=7, sentence=8)
ODD: dict[str, dict[str, int]] = {
    "usual": {},
    "one frame": {"frames": 1},
    "one region": {"regions": 1},
    "one word": {"words": 1},
    "one query, one candidate": {"queries": 1, "candidates": 1, "videos": 1},
    "many queries of one video": {"queries": 40, "videos": 1},
}


def asked(
    seed: int = 0,
    sizes: Sizes = SIZES,
    /,
    *,
    videos: int = 2,
    frames: int = 9,
    regions: int = 4,
    queries: int = 3,
    words: int = 6,
    candidates: int = 5,
) -> Batch:
    """Random, with words, nouns, frames and regions missing here and there."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, frames + 1, videos)
    lengths[0] = frames
    region_mask = rng.random((videos, frames, regions)) < 0.7
    region_mask[..., 0] = True
    region_mask &= np.arange(frames)[:, None] < lengths[:, None, None]
    video = rng.integers(0, videos, candidates)
    first = np.array([rng.integers(0, lengths[v]) for v in video])
    count = np.array(
        [rng.integers(1, lengths[v] - f + 1) for v, f in zip(video, first, strict=True)]
    )
    said = rng.integers(1, words + 1, queries)
    said[0] = words
    word_mask = np.arange(words) < said[:, None]
    noun_mask = word_mask & (rng.random((queries, words)) < 0.5)
    noun_mask[-1] = False
    corners = np.sort(rng.random((videos, frames, regions, 2, 2)), axis=3)

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    pairs = np.array(list(product(range(queries), range(candidates))))
    return Batch(
        regions=normal(videos, frames, regions, sizes.region),
        boxes=torch.from_numpy(corners.reshape(videos, frames, regions, 4)).float(),
        region_mask=torch.from_numpy(region_mask),
        candidate_video=torch.from_numpy(video),
        candidate_first=torch.from_numpy(first),
        candidate_count=torch.from_numpy(count),
        clips=normal(candidates, 3, sizes.frame),
        places=torch.from_numpy(np.sort(rng.random((candidates, 2)))).float(),
        video_means=normal(videos, sizes.frame)[video],
        words=normal(queries, words, sizes.word),
        word_mask=torch.from_numpy(word_mask),
        noun_mask=torch.from_numpy(noun_mask),
        sentences=normal(queries, sizes.sentence),
        weighed_mask=torch.from_numpy(
            word_mask & ~(noun_mask & (np.arange(queries) == 0)[:, None])
        ),
        clip_mask=torch.from_numpy(np.arange(queries) != 1),
        pairs=torch.from_numpy(pairs),
    )


def training_batch(
    batch: Batch, offsets_s: torch.Tensor | None = None
) -> TrainingBatch:
    """Query and candidate of the same number match; all others are of other videos."""
    matching = batch.pairs[:, 0] == batch.pairs[:, 1]
    given = torch.zeros(len(matching), 2) if offsets_s is None else offsets_s
    return TrainingBatch(batch, matching, given * matching[:, None], ~matching)


def noisy(batch: Batch) -> Batch:
    """The same, with large numbers where nothing is."""
    return replace(
        batch,
        regions=batch.regions.masked_fill(~batch.region_mask[..., None], 1e3),
        boxes=batch.boxes.masked_fill(~batch.region_mask[..., None], 7.0),
        words=batch.words.masked_fill(~batch.word_mask[..., None], 1e3),
    )


def longer(batch: Batch) -> Batch:
    """The same, with more frames, regions and words that are not there."""
    pads = {
        "regions": (0, 0, 0, 2, 0, 3),
        "boxes": (0, 0, 0, 2, 0, 3),
        "region_mask": (0, 2, 0, 3),
        "words": (0, 0, 0, 4),
        "word_mask": (0, 4),
        "noun_mask": (0, 4),
        "weighed_mask": (0, 4),
    }
    padded = {
        name: torch.nn.functional.pad(getattr(batch, name), pad)
        for name, pad in pads.items()
    }
    return replace(batch, **padded)


def scale(sizes: Sizes = SIZES) -> Scale:
    """Random, as the features of a training split might have it."""
    counts = (sizes.region, BOX, sizes.frame, sizes.word, sizes.sentence)
    return Scale(*((torch.randn(count), torch.rand(count) + 0.5) for count in counts))


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def made(config: Any, seed: int = 0, sizes: Sizes = SIZES) -> Model:
    """With random weights, on a random scale, and asked as in search."""
    torch.manual_seed(seed)
    model = build(config, sizes).eval()
    model.fit(scale(sizes))
    return model
