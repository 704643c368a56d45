"""``slta evaluate``: a run's answers, or those of a file, to numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from slta.cli.arguments import Moved
from slta.cli.screen import notes, progress, screen
from slta.errors import InputError

if TYPE_CHECKING:
    from slta.evaluation.result import Evaluation
    from slta.runs.run import Run


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

    found, said = _of_file(command) if command.source.is_file() else _of_run(command)
    if command.json:
        screen.out(json.dumps(found.to_json()))
    else:
        screen.print(str(replace(found, notes=())), markup=False, soft_wrap=True)
    for line in said:
        notes.print(line, markup=False, soft_wrap=True)


def _of_file(command: Evaluate) -> "tuple[Evaluation, Sequence[str]]":
    from slta.evaluation.result import evaluate_file

    for name in ("split", "again", "root", "extractor", "words", "store", "model"):
        if getattr(command, name):
            raise InputError(
                f"--{name} is for a run, and {command.source} is a file; leave it out"
            )
    found = evaluate_file(
        command.source, command.truth, command.protocol, command.nms_iou
    )
    return found, found.notes


def _of_run(command: Evaluate) -> "tuple[Evaluation, Sequence[str]]":
    from slta.runs.evaluate import evaluate
    from slta.runs.run import load_run

    split = command.split or "test"
    source: Path | Run = command.source
    if command.source.exists():
        source = load_run(
            command.source,
            model=command.model,
            root=command.root,
            extractor=command.extractor,
            words=command.words,
        )
    found = evaluate(
        source,
        split,
        command.protocol,
        command.truth,
        command.nms_iou,
        overwrite=command.again,
        store=command.store,
        progress=progress,
    )
    place = command.source / "predictions" / f"{split}.jsonl"
    return found, [] if command.json else [f"from {place}"]
