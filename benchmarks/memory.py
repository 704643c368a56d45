"""How much memory a training step of the paper's experiments takes, at most.

All of a batch's windows are as long as the data set has any; the features are random
numbers. Each step is taken in a process of its own.
"""

import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

from benchmarks.scoring import SIZES, random_queries, random_video
from slta.datasets.batch import TrainingBatch, candidates_of, collate
from slta.datasets.sampling import shot_of
from slta.experiments import experiment
from slta.models import build

LENGTHS_S = {"charades_sta_slta": 60.0, "tacos_slta": 300.0, "didemo_slta": 30.0}
"""Experiments, and a video that has room for their longest window."""
STEPS = 2


def measure() -> dict[str, Any]:
    return {name: _apart(name, length_s) for name, length_s in LENGTHS_S.items()}


def _apart(name: str, length_s: float) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_steps, name, length_s).result()


def _steps(name: str, length_s: float) -> dict[str, Any]:
    usual = experiment(name)
    rate_hz, queries = usual.features.rate_hz, usual.training.queries
    spans = usual.candidates.training_windows(length_s)
    longest_s = float((spans[:, 1] - spans[:, 0]).max())
    shots = []
    for seed in range(queries):
        video = random_video(longest_s, seed)
        span = np.array([[0.0, longest_s]])
        found = candidates_of(video, span, rate_hz=rate_hz, context_s=1.0)
        shots.append(shot_of(video, found))
    batch = collate(shots, random_queries(queries))
    matching = batch.pairs[:, 0] == batch.pairs[:, 1]
    given = TrainingBatch(batch, matching, torch.zeros(len(matching), 2), ~matching)
    model = build(usual.model, SIZES).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model.loss(model(batch), given).backward()
        optimizer.step()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "frames": batch.regions.shape[1],
        "pairs": len(batch.pairs),
        "peak_memory_gb": round(kilobytes / 2**20, 1),
    }
