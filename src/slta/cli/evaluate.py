"""``slta evaluate``: a run's answers, or those of a file, to numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from slta.cli.arguments import Moved
from slta.cli.screen import notes, progress, screen
from slta.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Evaluate(Moved):
    """Measure a run on a split, or answers in a file that any program wrote."""

    source: tyro.conf.Positional[Path]
    """Folder of a run; or a file of answers: the project's own, moment_detr's JSON lines
    or CBP's JSON, which may be packed (.gz)."""
    protocol: Literal["ctrl", "plain", "2d-tan", "detr", "didemo", "acrn-didemo"] = (
        "ctrl"
    )
    """How the answers are measured; docs/protocols.md says how they differ."""
    truth: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Of a file of answers: what is right, if the file does not say it. In the form of
    own data, of QVHighlights or of CBP."""
    nms_iou: Annotated[
        float | None, tyro.conf.arg(metavar="IOU", help_behavior_hint="")
    ] = None
    """Of 2d-tan: the IoU of its suppression; else 0.5, as for TACoS. 2D-TAN's authors
    take 0.45 for Charades-STA."""
    split: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: test)")
    ] = None
    """Of a run: the queries to ask."""
    json: bool = False
    """Print one JSON object instead of a table."""
    again: bool = False
    """Of a run: make the predictions anew even if it has them."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Of a run: where features are kept; else $SLTA_HOME/store, else in the cache
    folder."""


def evaluate(command: Evaluate) -> None:
    import json

    from slta.evaluation.measuring import lines

    found, said = _of_file(command) if command.source.is_file() else _of_run(command)
    if command.json:
        screen.out(json.dumps(found))
    else:
        for line in lines(found):
            screen.print(line, markup=False, soft_wrap=True)
    for line in said:
        notes.print(line, markup=False, soft_wrap=True)


def _of_file(command: Evaluate) -> tuple[dict[str, Any], list[str]]:
    from slta.evaluation.measuring import measured_file

    for name in ("split", "again", "root", "extractor", "words", "store", "model"):
        if getattr(command, name):
            raise InputError(
                f"--{name} is for a run, and {command.source} is a file; leave it out"
            )
    found, odd = measured_file(
        command.source, command.truth, command.protocol, command.nms_iou
    )
    return found, list(odd)


def _of_run(command: Evaluate) -> tuple[dict[str, Any], list[str]]:
    from slta.runs.evaluate import answers, measured
    from slta.runs.run import Run

    if not command.source.exists():
        raise InputError(
            f"{command.source} does not exist; name the folder of a run, or a file of "
            "answers"
        )
    command.load_model()
    run = Run.open(command.source, command.root, command.extractor, command.words)
    if command.truth is not None:
        raise InputError(
            f"--truth is for a file of answers, and {command.source} is a run, which "
            "knows its own; leave it out"
        )
    split = command.split or "test"
    answers(run, split, command.store, progress, again=command.again)
    found = measured(
        run, split, command.protocol, command.store, nms_iou=command.nms_iou
    )
    return found, [] if command.json else [f"from {run.predictions(split)}"]
