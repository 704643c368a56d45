"""Predictions to numbers: protocols, intervals, and a run's table."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from slta import metrics
from slta.checkpoints import Run
from slta.errors import InputError
from slta.metrics import FIRST, IOUS, Table, bootstrap
from slta.predictions import Prediction, read, write
from slta.preparation import Shows, open_library, open_splits, quietly
from slta.scoring import predict
from slta.without_video import WITHOUT_VIDEO, without_video

SEED = 0
"""Of the bootstrap."""


class Protocol(NamedTuple):
    given: Callable[[Prediction], Prediction]
    """What it looks at: the candidates as the model moved them, or ranked answers."""
    measure: metrics.Protocol


PROTOCOLS = {
    "ctrl": Protocol(lambda prediction: prediction, metrics.ctrl),
    "plain": Protocol(Prediction.ranked, metrics.plain),
}


def measure(predictions: Sequence[Prediction], protocol: str) -> Table:
    """Raises ``InputError`` if no query has a truth; those without are left out."""
    rule = PROTOCOLS[protocol]
    rows = [each for each in predictions if len(each.truth)]
    if not rows:
        raise InputError("no query has a true span; there is nothing to measure")
    for each in rows:
        if not (np.isfinite(each.spans).all() and np.isfinite(each.scores).all()):
            raise InputError(
                f"the answers to the query {each.query_id} of {each.video_id} are not "
                "numbers; look for NaN in the features of the video, or train again"
            )
    given = [rule.given(each) for each in rows]
    return rule.measure(
        [each.spans for each in given],
        [each.scores for each in given],
        [each.truth for each in given],
    )


def answers(
    run: Run,
    name: str,
    store: Path | None = None,
    shows: Shows = quietly,
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
    with shows(f"answering {name}") as progress:
        write(path, predict(model, split, experiment, progress=progress))
    return path


def measured(
    run: Run,
    name: str,
    protocol: str,
    store: Path | None = None,
    shows: Shows = quietly,
) -> dict[str, Any]:
    """A run's numbers from its predictions, with those that see no video beside them.

    They are kept in the run's ``results.json``, too.
    """
    experiment = run.experiment
    predictions = read(run.predictions(name))
    splits = open_splits(experiment, ("train", name), store, shows)
    rows = {"SLTA": predictions} | {
        kind: without_video(kind, splits["train"], splits[name], experiment.candidates)
        for kind in WITHOUT_VIDEO
    }
    found = {
        "split": name,
        "protocol": protocol,
        "queries": sum(len(each.truth) > 0 for each in predictions),
        "videos": len({each.video_id for each in predictions}),
        "answers": {kind: numbers(row, protocol) for kind, row in rows.items()},
    }
    results = run.read("results") if (run.folder / "results.json").exists() else {}
    run.write("results", results | {f"{name}, {protocol}": found})
    return found


def numbers(predictions: Sequence[Prediction], protocol: str) -> dict[str, Any]:
    """Every number with its 95 % interval over videos."""
    table = measure(predictions, protocol)
    videos = [each.video_id for each in predictions if len(each.truth)]
    named = {
        f"R@{n}, IoU={iou}": table.per_query(n=n, iou=iou)
        for n in FIRST
        for iou in IOUS
    } | {"mIoU": table.first_iou}
    return {
        name: {
            "value": float(values.mean(axis=0)),
            "interval": list(bootstrap(values, videos, seed=SEED)),
        }
        for name, values in named.items()
    }


def lines(found: dict[str, Any]) -> list[str]:
    """As the field's logs print them, then the comparison."""
    own = found["answers"]["SLTA"]
    head = f"{found['split']}: {found['queries']} queries of {found['videos']} videos, "
    said = [head + f"protocol {found['protocol']}"]
    for iou in IOUS:
        said.append(
            "; ".join(
                f"IoU={iou}, R@{n}: {own[f'R@{n}, IoU={iou}']['value']:.4f}"
                for n in reversed(FIRST)
            )
        )
    for kind, values in found["answers"].items():
        shown = (
            f"{name} {100 * values[name]['value']:.1f} "
            f"[{100 * values[name]['interval'][0]:.1f}, "
            f"{100 * values[name]['interval'][1]:.1f}]"
            for name in ("R@1, IoU=0.5", "R@1, IoU=0.7", "mIoU")
        )
        said.append(f"{kind}: " + ", ".join(shown))
    return said
