"""``slta evaluate``: metrics of a run, or of predictions in a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from slta.cli.arguments import Moved
from slta.cli.screen import notes, progress, screen
from slta.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Evaluate(Moved):
    """Evaluate a run on a split, or predictions of any program in a file."""

    source: tyro.conf.Positional[Path]
    """Folder of a run, or file of predictions: the project's own JSON Lines, Moment-DETR's
    JSON Lines or CBP's JSON; may be gzipped."""
    protocol: Literal["ctrl", "plain", "2d-tan", "detr", "didemo", "acrn-didemo"] = (
        "ctrl"
    )
    """Evaluation protocol (docs/protocols.md)."""
    truth: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Ground-truth file, for predictions without one: own data, QVHighlights or CBP."""
    nms_iou: Annotated[
        float | None, tyro.conf.arg(metavar="IOU", help_behavior_hint="")
    ] = None
    """IoU of the suppression in protocol 2d-tan (default: 0.5, as for TACoS; 2D-TAN's
    authors use 0.45 for Charades-STA)."""
    split: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: test)")
    ] = None
    """Split on which a run is evaluated."""
    json: bool = False
    """Print one JSON object instead of a table."""
    overwrite: bool = False
    """Recompute existing predictions."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of the store (default: $SLTA_HOME/store, or store in the cache folder)."""


def evaluate(command: Evaluate) -> None:
    import json

    from slta.evaluation.measuring import lines

    results, remarks = (
        _of_file(command) if command.source.is_file() else _of_run(command)
    )
    if command.json:
        screen.out(json.dumps(results))
    else:
        for line in lines(results):
            screen.print(line, markup=False, soft_wrap=True)
    for line in remarks:
        notes.print(line, markup=False, soft_wrap=True)


def _of_file(command: Evaluate) -> tuple[dict[str, Any], list[str]]:
    from slta.evaluation.measuring import measured_file

    for name in ("split", "overwrite", "root", "extractor", "words", "store", "model"):
        if getattr(command, name):
            raise InputError(
                f"--{name} is for a run, and {command.source} is a file; leave it out"
            )
    results, remarks = measured_file(
        command.source, command.truth, command.protocol, command.nms_iou
    )
    return results, list(remarks)


def _of_run(command: Evaluate) -> tuple[dict[str, Any], list[str]]:
    from slta.runs.evaluate import answers, measured
    from slta.runs.run import Run

    if not command.source.exists():
        raise InputError(
            f"{command.source} does not exist; give the folder of a run, or a file of "
            "predictions"
        )
    command.load_model()
    run = Run.open(command.source, command.root, command.extractor, command.words)
    if command.truth is not None:
        raise InputError(
            f"--truth is for a file of predictions, and {command.source} is a run, which "
            "has its own; leave it out"
        )
    split = command.split or "test"
    answers(run, split, command.store, progress, again=command.overwrite)
    results = measured(
        run, split, command.protocol, command.store, nms_iou=command.nms_iou
    )
    return results, [] if command.json else [f"from {run.predictions(split)}"]
