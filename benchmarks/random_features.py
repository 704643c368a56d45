"""Random numbers as features of the paper's sizes, for what only times and weighs them."""

from collections.abc import Sequence

import numpy as np
import torch

from slta.batches.candidate_batch import (
    Shot,
    TrainingBatch,
    candidates_of,
    collate,
    shot_of,
)
from slta.features.base import QueryFeatures, VideoFeatures
from slta.models.base import Sizes
from slta.moments.candidates import RELEASED_HZ

SIZES = Sizes(region=2048, frame=4096, word=300)
RATE_HZ = RELEASED_HZ
REGIONS, WORDS = 36, 10


def random_video(duration_s: float, seed: int = 0) -> VideoFeatures:
    rng = np.random.default_rng(seed)
    frames = round(duration_s * RATE_HZ)
    return VideoFeatures(
        times_s=np.arange(frames) / RATE_HZ,
        frames=rng.standard_normal((frames, SIZES.frame), np.float32),
        regions=rng.standard_normal((frames, REGIONS, SIZES.region), np.float32),
        boxes=np.tile(np.array([0, 0, 1, 1], np.float32), (frames, REGIONS, 1)),
    )


def random_queries(count: int) -> list[QueryFeatures]:
    rng = np.random.default_rng(1)
    words = tuple(f"w{i}" for i in range(WORDS))
    return [
        QueryFeatures(
            query=" ".join(words),
            words=words,
            word_vectors=rng.standard_normal((WORDS, SIZES.word), np.float32),
            noun_mask=np.arange(WORDS) % 4 == 1,
            action=True,
            phrases=("",),
            meanings=np.zeros((1, 1), np.float32),
            attainable=np.ones(1, np.float32),
            appearances=None,
        )
        for _ in range(count)
    ]


def random_shots(count: int, length_s: float) -> list[Shot]:
    """Candidates as long as that, each of a video of its own."""
    shots = []
    for seed in range(count):
        video = random_video(length_s, seed)
        span = np.array([[0.0, length_s]])
        found = candidates_of(video, span, rate_hz=RATE_HZ, context_s=1.0)
        shots.append(shot_of(video, found))
    return shots


def every_pair(
    shots: Sequence[Shot], queries: Sequence[QueryFeatures]
) -> TrainingBatch:
    """Each query matches the candidate of its number, and no other."""
    batch = collate(shots, queries)
    matching = batch.pairs[:, 0] == batch.pairs[:, 1]
    return TrainingBatch(batch, matching, torch.zeros(len(matching), 2), ~matching)
