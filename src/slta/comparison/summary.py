"""What runs of several experiments reach and cost, measured alike."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.errors import InputError
from slta.evaluation.measuring import SEED, measure
from slta.evaluation.metrics import IOUS, bootstrap, named
from slta.evaluation.predictions import Prediction
from slta.experiments.opening import open_dataset, open_splits
from slta.runs.evaluate import measured
from slta.runs.inference import predict
from slta.runs.run import Run
from slta.training import provenance
from slta.training.module import WATCHED

PROTOCOL = "ctrl"
COLUMNS = (*(named(n, iou) for n in (1, 5) for iou in (0.3, 0.5, 0.7)), "mIoU")
LEARNT_FROM = 80
"""Videos of train of which the answers are measured, too."""
EXAMPLES = 3
"""Queries of test of which the answers are kept."""


def summary(
    runs: Mapping[str, Sequence[Run]],
    settings: Mapping[str, Mapping[str, Any]],
    store: Path | None,
) -> dict[str, Any]:
    """Of every experiment's runs, one a seed, of which some may have fewer; the others are
    held against the first. ``settings`` are written down with each."""
    made_by = _made_alike([run for mine in runs.values() for run in mine])
    held = next(iter(runs.values()))
    splits = open_dataset(held[0].experiment).tested
    found: dict[str, Any] = {
        "protocol": PROTOCOL,
        "seeds": _seeds(held),
        "made_by": made_by,
        "machine": provenance.machine(),
        "splits": list(splits),
        "models": {},
    }
    for name, mine in runs.items():
        found["models"][name] = {
            "model": mine[0].experiment.model.name,
            **settings[name],
            "seeds": _seeds(mine),
            "seconds": [run.read("provenance")["seconds"] for run in mine],
            "machines": [run.read("provenance")["machine"] for run in mine],
            "train": _on_train(mine[0], store),
            **_cost(mine[0], splits[0], store),
            **{split: numbers(mine, held, split) for split in splits},
        }
    found["without video"] = {
        split: {
            kind: {name: answers[name] for name in COLUMNS}
            for kind, answers in measured(held[0], split, PROTOCOL, store)[
                "answers"
            ].items()
            if kind != held[0].experiment.model.name
        }
        for split in splits
    }
    found["examples"] = _examples(runs, splits[0])
    return found


def _made_alike(runs: Sequence[Run]) -> dict[str, Any]:
    """Raises ``InputError`` where runs are of different programs, data or features."""
    facts = ("commit", "data", "extractor", "extractor_version", "words")
    seen: dict[str, Run] = {}
    for run in runs:
        made = run.read("provenance")
        seen.setdefault(json.dumps({name: made.get(name) for name in facts}), run)
    if len(seen) > 1:
        (one, a), (other, b) = list(seen.items())[:2]
        differ = [n for n in facts if json.loads(one)[n] != json.loads(other)[n]]
        told = " and ".join(
            f"{each.folder} has {each.read('provenance').get(differ[0])}"
            for each in (a, b)
        )
        raise InputError(
            f"runs of another {differ[0].replace('_', ' ')} do not belong into one "
            f"table: {told}; remove the older one, or name another folder with --runs"
        )
    found: dict[str, Any] = json.loads(next(iter(seen)))
    return found


def _seeds(runs: Sequence[Run]) -> list[int]:
    return [run.experiment.training.seed for run in runs]


def _cost(run: Run, split: str, store: Path | None) -> dict[str, Any]:
    """Numbers that were learnt, and milliseconds to answer a query of a video whose
    features are at hand, as all queries of a video are asked together."""
    model, _ = run.load()
    prepared = open_splits(run.experiment, (split,), store)[split]
    predict(model, prepared, run.experiment, videos=[*prepared.by_video][:1])
    begun = time.perf_counter()
    predict(model, prepared, run.experiment)
    seconds = time.perf_counter() - begun
    return {
        "parameters": sum(each.numel() for each in model.parameters()),
        "query_ms": 1000 * seconds / len(prepared.queries),
    }


def _on_train(run: Run, store: Path | None) -> float:
    """What it reaches on what it learnt from: a model that is low there has not learnt,
    one that is high there and low elsewhere has learnt by heart."""
    model, _ = run.load()
    seen = open_splits(run.experiment, ("train",), store, most=LEARNT_FROM)["train"]
    return measure(predict(model, seen, run.experiment), PROTOCOL).mean(WATCHED)


def _values(
    run: Run, split: str
) -> tuple[dict[str, Float[np.ndarray, " q"]], list[str]]:
    answers = [each for each in run.predictions(split) if len(each.truth)]
    table = measure(answers, PROTOCOL)
    names = [*COLUMNS, *(named(1, iou) for iou in IOUS)]
    return {name: table.values[name] for name in names}, [
        each.video_id for each in answers
    ]


def numbers(mine: Sequence[Run], others: Sequence[Run], split: str) -> dict[str, Any]:
    """Of each measure the mean over seeds with its interval, what each seed has, and the
    paired difference to the first experiment."""
    own = [_values(run, split) for run in mine]
    held = [_values(run, split) for run in others]
    videos = own[0][1]
    found: dict[str, Any] = {"queries": len(videos), "videos": len({*videos})}
    for name in own[0][0]:
        seeds = [values[name] for values, _ in own]
        mean = np.mean(seeds, axis=0)
        away = mean - np.mean([values[name] for values, _ in held], axis=0)
        found[name] = {
            "mean": float(mean.mean()),
            "interval": [*bootstrap(mean, videos, seed=SEED)],
            "seeds": [float(each.mean()) for each in seeds],
            "difference": float(away.mean()),
            "difference_interval": [*bootstrap(away, videos, seed=SEED)],
        }
    return found


def _examples(runs: Mapping[str, Sequence[Run]], split: str) -> list[dict[str, Any]]:
    """The first answer of every model to some queries of different videos."""
    answers = {name: mine[0].predictions(split) for name, mine in runs.items()}
    all_of_them = next(iter(answers.values()))
    rows = np.linspace(0, len(all_of_them) - 1, EXAMPLES + 2).round().astype(int)[1:-1]
    return [
        {
            "query": all_of_them[row].query,
            "video_id": all_of_them[row].video_id,
            "duration_s": all_of_them[row].duration_s,
            "truth": all_of_them[row].truth.tolist(),
            "answers": {name: _first(mine[row]) for name, mine in answers.items()},
        }
        for row in rows.tolist()
    ]


def _first(answer: Prediction) -> list[float]:
    """Nothing where no answer lies in the video."""
    return [
        end
        for each in answer.moments(top=1)
        for end in (each.span.start, each.span.end)
    ]
