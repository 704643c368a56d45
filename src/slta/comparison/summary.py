"""Metrics and costs of the runs of several experiments."""

import time
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.comparison.checking import code_of, made_alike
from slta.comparison.plan import data_name
from slta.evaluation.measuring import SEED, measure
from slta.evaluation.metrics import Table, ends_of, intervals, resampled
from slta.evaluation.predictions import Prediction
from slta.evaluation.protocols import PROTOCOLS
from slta.experiments.opening import open_dataset, open_splits
from slta.runs.inference import answers, check_queries, evaluated, predict
from slta.runs.run import Run
from slta.training import provenance

TRAIN_VIDEOS = 80
"""Number of training videos that are evaluated, too."""
EXAMPLES = 3
"""Number of test queries whose answers are kept."""


def columns(protocol: str) -> tuple[str, ...]:
    """Names of a protocol's metrics in tables, the main ones first."""
    rule = PROTOCOLS[protocol]
    return (*dict.fromkeys([*rule.shown, *(name for row in rule.log for name in row)]),)


def watched(protocol: str, *measured: Container[str]) -> str:
    """Name of the first of a protocol's main metrics that all have: without queries without
    a moment, some have no value."""
    shown = PROTOCOLS[protocol].shown
    return next(name for name in shown if all(name in each for each in measured))


def summary(
    runs: Mapping[str, Sequence[Run]],
    facts: Mapping[str, Mapping[str, Any]],
    store: Path | None,
    *,
    protocol: str = "ctrl",
    finished: Collection[str] = (),
) -> dict[str, Any]:
    """The JSON of a comparison.

    ``runs`` has a run per seed for every row; the first row is the reference. ``facts``
    are added to each row. ``finished`` are the rows that were not trained for this
    comparison.
    """
    made_by = made_alike(
        [run for name, row in runs.items() if name not in finished for run in row],
        [run for name in finished for run in runs[name]],
    )
    reference = next(iter(runs.values()))
    splits = open_dataset(reference[0].experiment).tested
    values = {
        split: {
            name: _of_runs(row, split, protocol, store) for name, row in runs.items()
        }
        for split in splits
    }
    seen = {name: _on_train(row[0], store, protocol) for name, row in runs.items()}
    tables = [row[0].table for of_rows in values.values() for row in of_rows.values()]
    main = watched(protocol, *(each.names for each in (*tables, *seen.values())))
    models = {}
    for name, row in runs.items():
        models[name] = {
            "model": row[0].experiment.model.name,
            **facts[name],
            "runs": [str(run.folder) for run in row],
            "seeds": _seeds(row),
            "seconds": [run.read("provenance")["seconds"] for run in row],
            "machines": [run.read("provenance")["machine"] for run in row],
            "commits": [code_of(run) for run in row],
            "train": seen[name].mean(main),
            **_cost(row[0], splits[0], store),
            **{
                split: _numbers(of_rows[name], next(iter(of_rows.values())))
                for split, of_rows in values.items()
            },
        }
    return {
        "data": data_name(reference[0].experiment, reference[0].name),
        "protocol": protocol,
        "watched": main,
        "seeds": _seeds(reference),
        "made_by": made_by,
        "machine": provenance.machine(),
        "splits": list(splits),
        "without_moment": {
            split: sum(
                query.truth == () for query in reference[0].dataset.queries(split)
            )
            for split in splits
        },
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
    """Number of parameters, and milliseconds per query without feature extraction, when all
    queries of a video are answered together."""
    model, _ = run.load()
    prepared = open_splits(run.experiment, (split,), store)[split]
    predict(model, prepared, run.experiment, videos=[*prepared.by_video][:1])
    begun = time.perf_counter()
    predict(model, prepared, run.experiment)
    seconds = time.perf_counter() - begun
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "query_ms": 1000 * seconds / len(prepared.queries),
    }


def _on_train(run: Run, store: Path | None, protocol: str) -> Table:
    """Metrics on training videos: low ones mean underfitting; high ones with low ones on
    test, overfitting."""
    model, _ = run.load()
    seen = open_splits(run.experiment, ("train",), store, most=TRAIN_VIDEOS)["train"]
    predictions = predict(model, seen, run.experiment, confidence=run.confidence)
    return measure(predictions, protocol)


def _without_video(
    run: Run, split: str, protocol: str, store: Path | None
) -> dict[str, dict[str, Any]]:
    """Metrics of the non-parametric baselines, estimated from train."""
    answers = evaluated(run, split, protocol, store)["answers"]
    own = run.experiment.model.name
    return {
        kind: {name: numbers[name] for name in columns(protocol) if name in numbers}
        for kind, numbers in answers.items()
        if kind != own
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """Metrics of one run, and the video of each query."""

    table: Table
    videos: Sequence[str]


def _of_runs(
    runs: Sequence[Run], split: str, protocol: str, store: Path | None
) -> list[_Values]:
    """Raises ``InputError`` for predictions that do not match the current queries."""
    values = []
    for run in runs:
        answers(run, split, store)
        check_queries(run, split)
        values.append(_values(run, split, protocol))
    return values


def _values(run: Run, split: str, protocol: str) -> _Values:
    rule = PROTOCOLS[protocol]
    answered = [answer for answer in run.predictions(split) if rule.evaluates(answer)]
    # The order of the predictions may differ between runs.
    answered.sort(key=lambda answer: (answer.video_id, answer.query_id, answer.query))
    table, names = measure(answered, protocol), columns(protocol)
    return _Values(table.only(names), [answer.video_id for answer in answered])


def numbers(
    runs: Sequence[Run], reference: Sequence[Run], split: str, protocol: str = "ctrl"
) -> dict[str, Any]:
    """For each metric: the mean over seeds, the values of the seeds, and the paired
    difference to the reference, each with its 95 % interval."""
    return _numbers(
        [_values(run, split, protocol) for run in runs],
        [_values(run, split, protocol) for run in reference],
    )


def _numbers(own: Sequence[_Values], reference: Sequence[_Values]) -> dict[str, Any]:
    videos = own[0].videos
    metrics: dict[str, Any] = {"queries": len(videos), "videos": len({*videos})}
    tables = [run.table for run in (*own, *reference)]
    for name in own[0].table.names:
        if not all(name in table.names for table in tables):
            continue
        if name in own[0].table.statistics:
            statistics = [table.statistics[name] for table in tables]
            means = _rows(np.array([table.mean(name) for table in tables]), len(own))
            ends = ends_of(_rows(resampled(statistics, videos, seed=SEED), len(own)))
        else:
            rows = _rows(np.stack([table.values[name] for table in tables]), len(own))
            # Queries to which the metric does not apply are NaN.
            counted = np.isfinite(rows).all(axis=0)
            groups = [videos[i] for i in np.flatnonzero(counted).tolist()]
            ends = intervals(rows[:, counted], groups, seed=SEED)
            means = rows[:, counted].mean(axis=1)
        metrics[name] = {
            "mean": float(means[0]),
            "interval": ends[0].tolist(),
            "seeds": means[2:].tolist(),
            "seed_intervals": ends[2:].tolist(),
            "difference": float(means[1]),
            "difference_interval": ends[1].tolist(),
        }
    return metrics


def _rows(values: Float[np.ndarray, "r ..."], own: int) -> Float[np.ndarray, "_ ..."]:
    """The mean of the first ``own`` rows, its difference to that of the others, which are
    the reference's, and the first rows."""
    mean = values[:own].mean(axis=0)
    return np.stack([mean, mean - values[own:].mean(axis=0), *values[:own]])


def _examples(runs: Mapping[str, Sequence[Run]], split: str) -> list[dict[str, Any]]:
    """Every model's first answer to a few queries."""
    of_all = {
        name: {(p.video_id, p.query_id): p for p in row[0].predictions(split)}
        for name, row in runs.items()
    }
    queries = [*next(iter(of_all.values())).items()]
    rows = np.linspace(0, len(queries) - 1, EXAMPLES + 2).round().astype(int)[1:-1]
    return [
        {
            "query": prediction.query,
            "video_id": prediction.video_id,
            "duration_s": prediction.duration_s,
            "truth": prediction.truth.tolist(),
            "answers": {name: _first(of_row[key]) for name, of_row in of_all.items()},
        }
        for key, prediction in (queries[row] for row in rows.tolist())
    ]


def _first(answer: Prediction) -> list[float]:
    """Start and end of the best moment; empty if no answer lies in the video."""
    return [
        end
        for moment in answer.moments(top=1)
        for end in (moment.span.start, moment.span.end)
    ]
