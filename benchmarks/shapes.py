"""SLTA, its ablations and the released notebook's faults on Shapes.

    python -m benchmarks shapes          trains what is missing, then measures
    python -m benchmarks shapes-so-far   measures what is there
    python -m benchmarks trainings-so-far
                                         what each training of SLTA alone ended with

The runs lie with those of ``python -m benchmarks models``: each is made once.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from benchmarks import attention
from benchmarks.models import made_world, told
from slta.comparison.jobs import train
from slta.comparison.plan import Job
from slta.evaluation import measuring
from slta.evaluation.metrics import bootstrap
from slta.evaluation.predictions import Prediction
from slta.experiments.data import FAULTS as FAULT_NAMES
from slta.experiments.data import PARTS as PART_NAMES
from slta.experiments.opening import open_dataset, open_splits
from slta.runs.inference import measured, predict
from slta.runs.run import Run

NAME = "shapes_slta"
SEEDS = (0, 1, 2)
USUAL = Job.usual(NAME, SEEDS[0])
FIRST_RATE = 0.004
"""That SLTA was trained at before val chose a lower one."""
PARTS = tuple(f"no {part.replace('_', ' ')}" for part in PART_NAMES)
FAULTS = tuple(fault.replace("_", " ") for fault in FAULT_NAMES)
MEAN = "mean nouns"
OTHERS = tuple(
    name.replace("_", " ") for name in ("no_grounding", "all_nouns", "papers_pairs")
)
NO_VOTES = "no votes"
"""The full model's runs, whose answers do not vote on their ends."""
SPLITS = ("test", "test_novel")


class Training(NamedTuple):
    variant: str
    seed: int
    rate: float = USUAL.learning_rate

    @property
    def job(self) -> Job:
        variant = "full" if self.variant == NO_VOTES else self.variant
        name = NAME if variant == "full" else f"{NAME}_{variant.replace(' ', '_')}"
        return replace(Job.usual(name, self.seed), learning_rate=self.rate)

    @property
    def run(self) -> Run:
        return self.job.run(made_world())


def trainings() -> list[Training]:
    """The full model first; one seed is enough to see what a fault costs."""
    usual = [Training("full", seed) for seed in SEEDS]
    usual += [Training(each, seed) for seed in SEEDS for each in (MEAN, *PARTS)]
    usual += [Training(each, SEEDS[0]) for each in (*FAULTS, *OTHERS)]
    before = [Training(each, s, FIRST_RATE) for each in ("full", MEAN) for s in SEEDS]
    return usual + before + [Training(each, SEEDS[0], FIRST_RATE) for each in PARTS]


def measure() -> dict[str, Any]:
    train(made_world(), [each.job for each in trainings()], told())
    return summary()


def summary() -> dict[str, Any]:
    """Of the runs that are done."""
    done = [each for each in trainings() if each.run.is_finished]
    done += [each._replace(variant=NO_VOTES) for each in done if each.variant == "full"]
    first = usual_run()
    return {
        "experiment": NAME,
        "learning_rate": USUAL.learning_rate,
        "first_rate": FIRST_RATE,
        "variants": {
            str(rate): _variants([each for each in done if each.rate == rate])
            for rate in (USUAL.learning_rate, FIRST_RATE)
        },
        "without video": {
            split: {
                kind: {name: answers[name] for name in ("R@1, IoU=0.5", "mIoU")}
                for kind, answers in measured(first, split, "ctrl")["answers"].items()
                if kind != "slta"
            }
            for split in SPLITS
        },
        "kinds": {split: _kinds(first.predictions(split), split) for split in SPLITS},
        "attention": attention.measure(first),
    }


def ends() -> dict[str, Any]:
    """Of the full model at every rate, what its seeds reached, with the commit."""
    rows = []
    for rate in (FIRST_RATE, USUAL.learning_rate):
        done = [
            each for s in SEEDS if (each := Training("full", s, rate)).run.is_finished
        ]
        if done:
            (commit,) = {str(each.run.read("provenance")["commit"]) for each in done}
            hits = [float(_hits(each, "test")[0].mean()) for each in done]
            row = {"nouns": "sum", "rate": rate, "commit": commit, "R@1, IoU=0.5": hits}
            rows.append(row)
    return {"trainings": rows}


def usual_run() -> Run:
    """The first of the model with the hyper-parameters that it has by now."""
    return USUAL.run(made_world())


def _variants(done: Sequence[Training]) -> dict[str, Any]:
    found = {}
    for variant in dict.fromkeys(each.variant for each in done):
        mine = [each for each in done if each.variant == variant]
        found[variant] = {split: _numbers(mine, split) for split in SPLITS} | {
            "seeds": [each.seed for each in mine],
            "commits": [str(each.run.read("provenance")["commit"]) for each in mine],
            "seconds": [float(each.run.read("provenance")["seconds"]) for each in mine],
        }
    return found


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
    hits = measuring.measure(predictions, "ctrl").per_query(n=1, iou=0.5)
    found: dict[str, list[float]] = {}
    for prediction, hit in zip(predictions, hits, strict=True):
        found.setdefault(kinds[prediction.query_id], []).append(float(hit))
    return {
        kind: {"queries": len(values), "R@1, IoU=0.5": float(np.mean(values))}
        for kind, values in sorted(found.items())
    }


@cache
def _predictions(training: Training, split: str) -> Sequence[Prediction]:
    run = training.run
    if training.variant != NO_VOTES:
        return run.predictions(split)
    usual = run.experiment
    candidates = replace(usual.candidates, vote_iou=None)
    model, _ = run.load()
    given = open_splits(usual, (split,))[split]
    return predict(model, given, replace(usual, candidates=candidates))


def _hits(training: Training, split: str) -> tuple[Float[np.ndarray, " q"], list[str]]:
    predictions = _predictions(training, split)
    table = measuring.measure(predictions, "ctrl")
    return table.per_query(n=1, iou=0.5), [each.video_id for each in predictions]


def _numbers(trainings: Sequence[Training], split: str) -> dict[str, Any]:
    """R@1, IoU=0.5 of each seed, and the difference to the full model's same seeds."""
    mine = [_hits(each, split) for each in trainings]
    full = [_hits(each._replace(variant="full"), split) for each in trainings]
    mean = np.mean([hits for hits, _ in mine], axis=0)
    away = mean - np.mean([hits for hits, _ in full], axis=0)
    videos = mine[0][1]
    tables = [
        measuring.measure(_predictions(each, split), "ctrl").as_dict()
        for each in trainings
    ]
    return {
        "R@1, IoU=0.5": [float(hits.mean()) for hits, _ in mine],
        "mean": float(mean.mean()),
        "interval": bootstrap(mean, videos, seed=0),
        "difference": float(away.mean()),
        "difference_interval": bootstrap(away, videos, seed=0),
        "kinds": _kinds(_predictions(trainings[0], split), split),
        "table": {
            name: float(np.mean([table[name] for table in tables]))
            for name in tables[0]
        },
    }
