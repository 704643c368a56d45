"""SLTA, its ablations and the released notebook's faults on the made world.

    python -m benchmarks shapes          trains what is missing, then measures
    python -m benchmarks shapes-so-far   measures what is there

The runs lie with those of ``python -m benchmarks models``: each is made once.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks import attention
from benchmarks.models import made_world, told
from slta import evaluation
from slta.checkpoints import Run
from slta.comparison import Job, is_finished, train
from slta.evaluation import measured
from slta.experiments import shapes_ablations
from slta.metrics import bootstrap
from slta.predictions import Prediction, read
from slta.preparation import open_dataset, open_splits
from slta.scoring import predict

NAME = "shapes_slta"
SEEDS = (0, 1, 2)
LEARNING_RATE = 0.004
"""Of what is held against one another here; ``models`` has the lower one, too."""
USUAL = Job.usual(NAME, SEEDS[0])
PARTS = tuple(f"no {part.replace('_', ' ')}" for part in shapes_ablations.PARTS)
MEAN = "mean nouns"
OTHERS = tuple(
    name.replace("_", " ")
    for name in (*shapes_ablations.ADDITIONS, *shapes_ablations.FAULTS)
    if name != "mean_nouns"
)
NO_VOTES = "no votes"
"""The full model's runs, whose answers do not vote on their ends."""
SPLITS = ("test", "test_novel")


def jobs() -> list[tuple[str, int]]:
    """The full model first; one seed of each fault is enough to see what it costs."""
    full = [("full", seed) for seed in SEEDS]
    parts = [(part, seed) for seed in SEEDS for part in (MEAN, *PARTS)]
    return full + parts + [(other, 0) for other in OTHERS]


def job(variant: str, seed: int) -> Job:
    name = NAME if variant == "full" else f"{NAME}_{variant.replace(' ', '_')}"
    return replace(Job.usual(name, seed), learning_rate=LEARNING_RATE)


def usual_run() -> Run:
    """The first of the model with the settings that it has by now."""
    return USUAL.run(made_world())


def run_of(variant: str, seed: int) -> Run:
    return job("full" if variant == NO_VOTES else variant, seed).run(made_world())


def measure() -> dict[str, Any]:
    train(made_world(), [USUAL, *(job(*each) for each in jobs())], told())
    return summary()


def summary() -> dict[str, Any]:
    """Of the runs that are done."""
    seeds: dict[str, list[int]] = {}
    for variant, seed in jobs():
        if is_finished(run_of(variant, seed)):
            seeds.setdefault(variant, []).append(seed)
    seeds[NO_VOTES] = seeds["full"]
    first = usual_run()
    return {
        "experiment": NAME,
        "learning_rate": LEARNING_RATE,
        "runs_at_commits": sorted(
            {
                str(run_of(variant, seed).read("provenance")["commit"])
                for variant, mine in seeds.items()
                for seed in mine
            }
        ),
        "variants": {
            variant: {split: _numbers(variant, mine, split) for split in SPLITS}
            | {"seeds": mine, "seconds": [_seconds(variant, seed) for seed in mine]}
            for variant, mine in seeds.items()
        },
        "without video": {
            split: {
                kind: {name: answers[name] for name in ("R@1, IoU=0.5", "mIoU")}
                for kind, answers in measured(first, split, "ctrl")["answers"].items()
                if kind != "slta"
            }
            for split in SPLITS
        },
        "kinds": {
            split: _kinds(read(first.predictions(split)), split) for split in SPLITS
        },
        "attention": attention.measure(first),
    }


@cache
def _kind_of(split: str) -> dict[str, str]:
    """Of every query: what it needs to be told apart."""
    folder = open_dataset(usual_run().experiment).folder
    lines = (folder / f"{split}.jsonl").read_text().splitlines()
    return {row["query_id"]: row["kind"] for row in map(json.loads, lines)}


def _kinds(
    predictions: Sequence[Prediction], split: str
) -> dict[str, dict[str, float]]:
    """R@1, IoU=0.5 of one training, by kind of query."""
    kinds = _kind_of(split)
    hits = evaluation.measure(predictions, "ctrl").per_query(n=1, iou=0.5)
    found: dict[str, list[float]] = {}
    for prediction, hit in zip(predictions, hits, strict=True):
        found.setdefault(kinds[prediction.query_id], []).append(float(hit))
    return {
        kind: {"queries": len(values), "R@1, IoU=0.5": float(np.mean(values))}
        for kind, values in sorted(found.items())
    }


def _seconds(variant: str, seed: int) -> float:
    return float(run_of(variant, seed).read("provenance")["seconds"])


@cache
def _predictions(variant: str, seed: int, split: str) -> Sequence[Prediction]:
    run = run_of(variant, seed)
    if variant != NO_VOTES:
        return read(run.predictions(split))
    usual = run.experiment
    candidates = replace(usual.candidates, vote_iou=None)
    model, _ = run.load()
    given = open_splits(usual, (split,))[split]
    return predict(model, given, replace(usual, candidates=candidates))


def _hits(
    variant: str, seed: int, split: str
) -> tuple[Float[np.ndarray, " q"], list[str]]:
    predictions = _predictions(variant, seed, split)
    table = evaluation.measure(predictions, "ctrl")
    return table.per_query(n=1, iou=0.5), [each.video_id for each in predictions]


def _numbers(variant: str, seeds: list[int], split: str) -> dict[str, Any]:
    """R@1, IoU=0.5 of each seed, and the difference to the full model's same seeds."""
    mine = [_hits(variant, seed, split) for seed in seeds]
    full = [_hits("full", seed, split) for seed in seeds]
    mean = np.mean([hits for hits, _ in mine], axis=0)
    away = mean - np.mean([hits for hits, _ in full], axis=0)
    videos = mine[0][1]
    tables = [
        evaluation.measure(_predictions(variant, seed, split), "ctrl").as_dict()
        for seed in seeds
    ]
    return {
        "R@1, IoU=0.5": [float(hits.mean()) for hits, _ in mine],
        "mean": float(mean.mean()),
        "interval": bootstrap(mean, videos, seed=0),
        "difference": float(away.mean()),
        "difference_interval": bootstrap(away, videos, seed=0),
        "kinds": _kinds(_predictions(variant, seeds[0], split), split),
        "table": {
            name: float(np.mean([table[name] for table in tables]))
            for name in tables[0]
        },
    }
