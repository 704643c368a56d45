"""The predictions and the numbers of a run, or of a file of predictions."""

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
    """The numbers of a run on a split, or of a file of predictions that any program wrote.

    A run is asked the queries of the split if it was not yet, or with ``overwrite``. A
    file's ground truth is in the file ``truth``, unless it says it itself. ``protocol`` and
    ``nms_iou`` say how the answers are measured; docs/protocols.md has the protocols.

    Raises ``InputError`` for what cannot be measured.
    """
    if protocol not in PROTOCOLS:
        known = f"known are {', '.join(PROTOCOLS)}"
        raise InputError(unknown("protocol", protocol, PROTOCOLS, known))
    path = source.folder if isinstance(source, Run) else Path(source)
    if path.is_file():
        given = None if truth is None else Path(truth)
        return evaluate_file(path, given, protocol, nms_iou)
    if truth is not None:
        raise InputError(
            f"the truth {truth} is for a file of predictions, and {path} is a run, which "
            "knows its own; leave --truth out"
        )
    if not path.exists():
        raise InputError(
            f"{path} does not exist; name the folder of a run, or a file of predictions"
        )
    run = source if isinstance(source, Run) else Run.open(path)
    place, shows = None if store is None else Path(store), progress or no_progress
    answers(run, split, place, shows, again=overwrite)
    return Evaluation(measured(run, split, protocol, place, shows, nms_iou))


def answers(
    run: Run,
    name: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    *,
    again: bool = False,
) -> Path:
    """The file of a run's predictions for a split, made if it is not there."""
    path = run.predictions_file(name)
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
    predictions = run.predictions(name)
    splits = open_splits(experiment, ("train", name), store, shows)
    _check_asked(run, name, predictions, splits[name].queries)
    rows = {experiment.model.name: predictions} | {
        kind: without_video(kind, splits["train"], splits[name], experiment.candidates)
        for kind in WITHOUT_VIDEO
    }
    return {"split": name, "step": run.step} | compared(rows, protocol, nms_iou)


def check_asked(run: Run, name: str) -> None:
    """Raises ``InputError`` unless a run's predictions are of the queries of today."""
    queries = run.dataset.queries(name)
    _check_asked(run, name, run.predictions(name), queries)


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
            f"{run.predictions_file(name)} is not of the queries that {name} has now, with "
            f"their truth; answer them with 'slta evaluate {run.folder} --split {name} "
            "--again'"
        )
