"""The predictions and the numbers of a run."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slta.errors import InputError
from slta.evaluation.counted_baselines import WITHOUT_VIDEO, without_video
from slta.evaluation.measuring import compared
from slta.evaluation.predictions import Prediction, read, write
from slta.experiments.opening import open_dataset, open_library, open_splits
from slta.moments import Query
from slta.moments.spans import as_array
from slta.progress import ProgressFactory, no_progress
from slta.runs.inference import predict
from slta.runs.run import Run


def answers(
    run: Run,
    name: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    *,
    again: bool = False,
) -> Path:
    """The file of a run's predictions for a split, made if it is not there."""
    path = run.predictions(name)
    if path.exists() and not again:
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
    """As ``evaluated``, kept in the run's ``results.json``, too."""
    found = evaluated(run, name, protocol, store, shows, nms_iou)
    results = run.read("results") if (run.folder / "results.json").exists() else {}
    key = f"{name}, {protocol}" + ("" if nms_iou is None else f" at {nms_iou:g}")
    run.write("results", results | {key: found})
    return found


def evaluated(
    run: Run,
    name: str,
    protocol: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    nms_iou: float | None = None,
) -> dict[str, Any]:
    """A run's numbers from its predictions, with the non-parametric baselines, which see
    no video, beside them."""
    experiment = run.experiment
    predictions = read(run.predictions(name))
    splits = open_splits(experiment, ("train", name), store, shows)
    _check_asked(run, name, predictions, splits[name].queries)
    rows = {experiment.model.name: predictions} | {
        kind: without_video(kind, splits["train"], splits[name], experiment.candidates)
        for kind in WITHOUT_VIDEO
    }
    return {"split": name, "step": run.step} | compared(rows, protocol, nms_iou)


def check_asked(run: Run, name: str) -> None:
    """Raises ``InputError`` unless a run's predictions are of the queries of today."""
    queries = open_dataset(run.experiment).queries(name)
    _check_asked(run, name, read(run.predictions(name)), queries)


def _check_asked(
    run: Run, name: str, predictions: Sequence[Prediction], queries: Sequence[Query]
) -> None:
    """Raises ``InputError`` unless exactly the queries of today are answered, with the
    truth that they have."""
    now = Counter(
        (each.query_id, each.video_id, as_array(each.truth or ()).tobytes())
        for each in queries
    )
    then = Counter(
        (each.query_id, each.video_id, np.asarray(each.truth, np.float64).tobytes())
        for each in predictions
    )
    if now != then:
        raise InputError(
            f"{run.predictions(name)} is not of the queries that {name} has now, with "
            f"their truth; answer them with 'slta evaluate {run.folder} --split {name} "
            "--again'"
        )
