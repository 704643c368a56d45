"""How much memory a training step of the paper's experiments takes, at most.

All of a batch's windows are as long as the data set has any; the features are random
numbers. Each step is taken in a process of its own.
"""

import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import torch

from benchmarks.random_features import SIZES, every_pair, random_queries, random_shots
from slta.experiments import titled
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
    usual = titled(name)
    spans = usual.candidates.training_windows(length_s)
    longest_s = float((spans[:, 1] - spans[:, 0]).max())
    queries = usual.training.queries
    given = every_pair(random_shots(queries, longest_s), random_queries(queries))
    model = build(usual.model, SIZES).train()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model.loss(model(given.batch), given).backward()
        optimizer.step()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "frames": given.batch.regions.shape[1],
        "pairs": len(given.batch.pairs),
        "peak_memory_gb": round(used / 2**20, 1),
    }
