"""Predictions and metrics of a run, or metrics of a prediction file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slta.errors import InputError
from slta.evaluation.counted_baselines import WITHOUT_VIDEO, without_video
from slta.evaluation.measuring import compared
from slta.evaluation.predictions import Prediction, write
from slta.evaluation.protocols import PROTOCOLS
from slta.evaluation.result import Evaluation, evaluate_file
from slta.experiments.opening import open_library, open_splits
from slta.extensions import unknown
from slta.moments import Query
from slta.moments.spans import as_array
from slta.progress import ProgressFactory, no_progress
from slta.runs.inference import predict
from slta.runs.run import Run


def evaluate(
    source: Run | str | Path,
    split: str = "test",
    protocol: str = "ctrl",
    truth: str | Path | None = None,
    nms_iou: float | None = None,
    *,
    overwrite: bool = False,
    store: str | Path | None = None,
    progress: ProgressFactory | None = None,
) -> Evaluation:
    """Metrics of a run on a split, or of a prediction file from any program.

    A run's predictions are computed if they are missing, or with ``overwrite``.
    ``truth`` is the ground-truth file of a prediction file without one. ``protocol`` is
    one of those in docs/protocols.md; ``nms_iou`` replaces its NMS threshold.

    Raises ``InputError`` for a source that cannot be evaluated.
    """
    if protocol not in PROTOCOLS:
        advice = f"known are {', '.join(PROTOCOLS)}"
        raise InputError(unknown("protocol", protocol, PROTOCOLS, advice))
    path = source.folder if isinstance(source, Run) else Path(source)
    if path.is_file():
        truth_file = None if truth is None else Path(truth)
        return evaluate_file(path, truth_file, protocol, nms_iou)
    if truth is not None:
        raise InputError(
            f"the truth {truth} is for a prediction file, and {path} is a run, which has "
            "its own; leave --truth out"
        )
    if not path.exists():
        raise InputError(
            f"{path} does not exist; give the folder of a run, or a prediction file"
        )
    run = source if isinstance(source, Run) else Run.open(path)
    place, shows = None if store is None else Path(store), progress or no_progress
    answers(run, split, place, shows, overwrite=overwrite)
    return Evaluation(measured(run, split, protocol, place, shows, nms_iou))


def answers(
    run: Run,
    name: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    *,
    overwrite: bool = False,
) -> Path:
    """The file of a run's predictions for a split, computed if it is missing."""
    path = run.predictions_file(name)
    if path.exists() and not overwrite:
        return path
    experiment = run.experiment
    model, about = run.load()
    about.check(open_library(experiment, store), run.weights)
    split = open_splits(experiment, (name,), store, shows)[name]
    for video_id, video in split.videos.items():
        about.check_sizes(video_id, video, run.weights)
    with shows(f"answering {name}") as progress:
        write(path, predict(model, split, experiment, progress=progress))
    return path


def measured(
    run: Run,
    name: str,
    protocol: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    nms_iou: float | None = None,
) -> dict[str, Any]:
    """``evaluated``, and written to the run's ``results.json``."""
    result = evaluated(run, name, protocol, store, shows, nms_iou)
    results = run.read("results") if (run.folder / "results.json").exists() else {}
    key = f"{name}, {protocol}" + ("" if nms_iou is None else f" at {nms_iou:g}")
    run.write("results", results | {key: result})
    return result


def evaluated(
    run: Run,
    name: str,
    protocol: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    nms_iou: float | None = None,
) -> dict[str, Any]:
    """Metrics of a run's stored predictions, and of the non-parametric baselines."""
    experiment = run.experiment
    predictions = run.predictions(name)
    splits = open_splits(experiment, ("train", name), store, shows)
    _check_queries(run, name, predictions, splits[name].queries)
    rows = {experiment.model.name: predictions} | {
        kind: without_video(kind, splits["train"], splits[name], experiment.candidates)
        for kind in WITHOUT_VIDEO
    }
    return {"split": name, "step": run.step} | compared(rows, protocol, nms_iou)


def check_queries(run: Run, name: str) -> None:
    """Raises ``InputError`` unless a run's predictions answer the split's current
    queries."""
    queries = run.dataset.queries(name)
    _check_queries(run, name, run.predictions(name), queries)


def _check_queries(
    run: Run, name: str, predictions: Sequence[Prediction], queries: Sequence[Query]
) -> None:
    """Raises ``InputError`` unless the predictions answer exactly these queries, with the
    same ground truth."""
    now = Counter(
        (query.query_id, query.video_id, as_array(query.truth or ()).tobytes())
        for query in queries
    )
    then = Counter(
        (
            answer.query_id,
            answer.video_id,
            np.asarray(answer.truth, np.float64).tobytes(),
        )
        for answer in predictions
    )
    if now != then:
        raise InputError(
            f"{run.predictions_file(name)} does not match the current queries and ground "
            f"truth of {name}; recompute it with 'slta evaluate {run.folder} "
            f"--split {name} --overwrite'"
        )
