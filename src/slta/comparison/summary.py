"""What runs of several experiments reach and cost, evaluated alike."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.comparison.checking import code_of, made_alike
from slta.comparison.plan import data_name
from slta.evaluation.measuring import SEED, measure
from slta.evaluation.metrics import intervals
from slta.evaluation.predictions import Prediction
from slta.evaluation.protocols import PROTOCOLS
from slta.experiments.opening import open_dataset, open_splits
from slta.runs.evaluate import answers, check_asked, evaluated
from slta.runs.inference import predict
from slta.runs.run import Run
from slta.training import provenance

LEARNT_FROM = 80
"""Videos of train of which the answers are evaluated, too."""
EXAMPLES = 3
"""Queries of test of which the answers are kept."""


def columns(protocol: str) -> tuple[str, ...]:
    """The measures of a table, the main ones first."""
    rule = PROTOCOLS[protocol]
    return (*dict.fromkeys([*rule.shown, *(name for row in rule.log for name in row)]),)


def watched(protocol: str) -> str:
    """The measure that stands for all where there is room for one."""
    return PROTOCOLS[protocol].shown[0]


def summary(
    runs: Mapping[str, Sequence[Run]],
    facts: Mapping[str, Mapping[str, Any]],
    store: Path | None,
    *,
    protocol: str = "ctrl",
    finished: Collection[str] = (),
) -> dict[str, Any]:
    """Of every row's runs, one a seed, of which some may have fewer; the others are
    compared with the first. ``facts`` are written down with each. Rows that are
    ``finished`` were not trained for this comparison."""
    made_by = made_alike(
        [run for name, mine in runs.items() if name not in finished for run in mine],
        [run for name in finished for run in runs[name]],
    )
    reference = next(iter(runs.values()))
    splits = open_dataset(reference[0].experiment).tested
    values = {
        split: {
            name: _of_runs(mine, split, protocol, store) for name, mine in runs.items()
        }
        for split in splits
    }
    models = {}
    for name, mine in runs.items():
        models[name] = {
            "model": mine[0].experiment.model.name,
            **facts[name],
            "runs": [str(run.folder) for run in mine],
            "seeds": _seeds(mine),
            "seconds": [run.read("provenance")["seconds"] for run in mine],
            "machines": [run.read("provenance")["machine"] for run in mine],
            "commits": [code_of(run) for run in mine],
            "train": _on_train(mine[0], store, protocol),
            **_cost(mine[0], splits[0], store),
            **{
                s: _numbers(each[name], next(iter(each.values())))
                for s, each in values.items()
            },
        }
    return {
        "data": data_name(reference[0].experiment, reference[0].name),
        "protocol": protocol,
        "watched": watched(protocol),
        "seeds": _seeds(reference),
        "made_by": made_by,
        "machine": provenance.machine(),
        "splits": list(splits),
        "models": models,
        "without video": {
            split: _without_video(reference[0], split, protocol, store)
            for split in splits
        },
        "examples": _examples(runs, splits[0]),
    }


def _seeds(runs: Sequence[Run]) -> list[int]:
    return [run.experiment.training.seed for run in runs]


def _cost(run: Run, split: str, store: Path | None) -> dict[str, Any]:
    """Parameters, and milliseconds to answer a query of a video whose
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


def _on_train(run: Run, store: Path | None, protocol: str) -> float:
    """What it reaches on what it was trained with: a model that is low there has not
    learnt, one that is high there and low elsewhere overfits."""
    model, _ = run.load()
    seen = open_splits(run.experiment, ("train",), store, most=LEARNT_FROM)["train"]
    predictions = predict(model, seen, run.experiment)
    return measure(predictions, protocol).mean(watched(protocol))


def _without_video(
    run: Run, split: str, protocol: str, store: Path | None
) -> dict[str, dict[str, Any]]:
    """The non-parametric baselines, estimated from train."""
    found = evaluated(run, split, protocol, store)["answers"]
    own = run.experiment.model.name
    return {
        kind: {name: numbers[name] for name in columns(protocol) if name in numbers}
        for kind, numbers in found.items()
        if kind != own
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """Of one run: what each query adds to each measure."""

    measures: Mapping[str, Float[np.ndarray, " q"]]
    videos: Sequence[str]


def _of_runs(
    runs: Sequence[Run], split: str, protocol: str, store: Path | None
) -> list[_Values]:
    """Raises ``InputError`` for answers to other queries than there are now."""
    found = []
    for run in runs:
        answers(run, split, store)
        check_asked(run, split)
        found.append(_values(run, split, protocol))
    return found


def _values(run: Run, split: str, protocol: str) -> _Values:
    answered = [each for each in run.predictions(split) if len(each.truth)]
    # Every run has its answers in an order of its own.
    answered.sort(key=lambda each: (each.video_id, each.query_id, each.query))
    values = measure(answered, protocol).values
    return _Values(
        {name: values[name] for name in columns(protocol) if name in values},
        [each.video_id for each in answered],
    )


def numbers(
    mine: Sequence[Run], others: Sequence[Run], split: str, protocol: str = "ctrl"
) -> dict[str, Any]:
    """Of each measure the mean over seeds with its interval, what each seed has, and the
    paired difference to other runs."""
    return _numbers(
        [_values(run, split, protocol) for run in mine],
        [_values(run, split, protocol) for run in others],
    )


def _numbers(own: Sequence[_Values], reference: Sequence[_Values]) -> dict[str, Any]:
    videos = own[0].videos
    found: dict[str, Any] = {"queries": len(videos), "videos": len({*videos})}
    for name in own[0].measures:
        if not all(name in each.measures for each in (*own, *reference)):
            continue
        seeds = np.stack([each.measures[name] for each in own])
        mean = seeds.mean(axis=0)
        away = mean - np.mean([each.measures[name] for each in reference], axis=0)
        rows = np.stack([mean, away, *seeds])
        # Queries that have no part in the measure are left out.
        counted = np.isfinite(rows).all(axis=0)
        those = [videos[i] for i in np.flatnonzero(counted).tolist()]
        ends = intervals(rows[:, counted], those, seed=SEED).tolist()
        means = rows[:, counted].mean(axis=1).tolist()
        found[name] = {
            "mean": means[0],
            "interval": ends[0],
            "seeds": means[2:],
            "seed_intervals": ends[2:],
            "difference": means[1],
            "difference_interval": ends[1],
        }
    return found


def _examples(runs: Mapping[str, Sequence[Run]], split: str) -> list[dict[str, Any]]:
    """The first answer of every model to some queries of different videos."""
    of_all = {
        name: {(p.video_id, p.query_id): p for p in mine[0].predictions(split)}
        for name, mine in runs.items()
    }
    queries = [*next(iter(of_all.values())).items()]
    rows = np.linspace(0, len(queries) - 1, EXAMPLES + 2).round().astype(int)[1:-1]
    return [
        {
            "query": prediction.query,
            "video_id": prediction.video_id,
            "duration_s": prediction.duration_s,
            "truth": prediction.truth.tolist(),
            "answers": {name: _first(mine[key]) for name, mine in of_all.items()},
        }
        for key, prediction in (queries[row] for row in rows.tolist())
    ]


def _first(answer: Prediction) -> list[float]:
    """Nothing where no answer lies in the video."""
    return [
        end
        for each in answer.moments(top=1)
        for end in (each.span.start, each.span.end)
    ]
