"""What SLTA costs at the paper's dimensions, against one pair at a time.

The released notebook runs its network once for each query and window. Both ways have
the same weights and give the same scores; the features are random numbers.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.random_features import (
    RATE_HZ,
    SIZES,
    every_pair,
    random_queries,
    random_shots,
    random_video,
)
from slta.batches.candidate_batch import Batch, candidates_of, collate, shot_of
from slta.models.slta import SLTA, SLTAConfig
from slta.moments.candidates import windows

DURATION_S = 300.0
QUERIES = 100
LENGTHS = (16, 32, 48, 64)
SAMPLE = 60
"""Pairs that are scored one at a time; all of them would take over an hour."""
BATCH = 30
STEPS = 2
STEP_SAMPLE = 8
"""Pairs of a training step that are learnt from one at a time."""


def measure() -> dict[str, Any]:
    torch.manual_seed(0)
    model = SLTA(SLTAConfig(), SIZES).eval()
    return {"search": _search(model), "training": _training(model)}


def _search(model: SLTA) -> dict[str, Any]:
    features, queries = random_video(DURATION_S), random_queries(QUERIES)
    lengths_s = [length / RATE_HZ for length in LENGTHS]
    spans = windows(DURATION_S, lengths_s=lengths_s, overlap=0.8)
    candidates = candidates_of(
        features, spans, rate_hz=RATE_HZ, context_s=128 / RATE_HZ
    )
    batch = collate([shot_of(features, candidates)], queries)
    pairs = len(batch.pairs)
    with torch.inference_mode():
        model(collate([shot_of(features, candidates[:9])], queries[:2]))
        whole_s, scores = _timed(lambda: model(batch))
        rng = np.random.default_rng(0)
        sample = rng.choice(pairs, SAMPLE, replace=False)
        single: list[Tensor] = []

        def one_at_a_time() -> None:
            for row in sample.tolist():
                query, candidate = divmod(row, len(spans))
                shot = shot_of(features, candidates[[candidate]])
                single.append(model(collate([shot], [queries[query]])).relevance)

        sampled_s, _ = _timed(one_at_a_time)
        away = (torch.cat(single) - scores.relevance[sample]).abs().max()
        needed = _unavoidable(model, batch)
    naive_s = sampled_s / SAMPLE * pairs
    return {
        "windows": len(spans),
        "pairs": pairs,
        "seconds": round(whole_s, 2),
        "one_pair_ms": round(sampled_s / SAMPLE * 1000, 1),
        "one_at_a_time_s": round(naive_s),
        "times_faster": round(naive_s / whole_s),
        "largest_difference": float(away),
        "unavoidable_s": {name: round(value, 2) for name, value in needed.items()},
        "above_unavoidable": round(whole_s / sum(needed.values()), 2),
    }


def _unavoidable(model: SLTA, batch: Batch) -> dict[str, float]:
    """Each part alone: what no order of computing could leave out."""
    regions = model._regions(batch)
    mixed = torch.randn(QUERIES * batch.regions.shape[1], regions.shape[-1])
    # Multiplying each region once is less than each query's mixture; the lesser counts.
    product = min(
        _timed(lambda: model.to_interaction(mixed))[0],
        _timed(lambda: model.to_interaction(regions))[0],
    )
    projections, _ = _timed(
        lambda: (
            model.spatial.region_content(regions),
            model.spatial.region_gate(regions),
        )
    )
    frames = batch.regions.shape[1]
    inputs = torch.randn(QUERIES * frames, 3 * model.config.interaction_size)
    query, candidate = batch.pairs.unbind(dim=1)
    start = query * frames + batch.candidate_first[candidate]
    count = batch.candidate_count[candidate]
    recurrence, _ = _timed(lambda: model.interaction(inputs, start, count))
    return {
        "region projections": projections,
        "input product of the GRU": product,
        "recurrence": recurrence,
    }


def _training(model: SLTA) -> dict[str, Any]:
    """A step with all B² pairs, each candidate from a video of its own."""
    shots = random_shots(BATCH, LENGTHS[-1] / RATE_HZ)
    queries = random_queries(BATCH)
    given = every_pair(shots, queries)
    model.train()

    def step() -> None:
        model.zero_grad()
        model.loss(model(given.batch), given).backward()

    step_s = min(_timed(step)[0] for _ in range(STEPS))

    def pair(i: int, j: int) -> None:
        scores = model(collate([shots[j]], [queries[i]]))
        scores.relevance.sum().backward()

    def pairs_one_by_one() -> None:
        for i in range(STEP_SAMPLE):
            pair(i, (i * 7 + 3) % BATCH)

    sampled_s, _ = _timed(pairs_one_by_one)
    naive_s = sampled_s / STEP_SAMPLE * BATCH**2
    return {
        "queries": BATCH,
        "pairs": BATCH**2,
        "step_s": round(step_s, 2),
        "one_at_a_time_s": round(naive_s, 1),
        "times_faster": round(naive_s / step_s, 1),
    }


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found
