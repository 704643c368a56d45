"""``slta evaluate``: metrics of a run, or of predictions in a file."""

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
    """Evaluate a run on a split, or predictions of any program in a file."""

    source: tyro.conf.Positional[Path]
    """Folder of a run, its name on the Hugging Face hub, or file of predictions: the project's own JSON Lines, Moment-DETR's
    JSON Lines or CBP's JSON; may be gzipped."""
    protocol: Literal[
        "ctrl", "plain", "2d-tan", "detr", "gmr", "didemo", "acrn-didemo"
    ] = "ctrl"
    """Evaluation protocol (docs/protocols.md)."""
    truth: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Ground-truth file, for predictions without one: own data, QVHighlights or CBP."""
    nms_iou: Annotated[
        float | None, tyro.conf.arg(metavar="IOU", help_behavior_hint="")
    ] = None
    """IoU threshold of non-maximum suppression in protocol 2d-tan; default: 0.5, as for
    TACoS (2D-TAN's authors use 0.45 for Charades-STA)."""
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

    result, remarks = (
        _of_file(command) if command.source.is_file() else _of_run(command)
    )
    if command.json:
        screen.out(json.dumps(result.to_json()))
    else:
        screen.print(str(replace(result, notes=())), markup=False, soft_wrap=True)
    for line in remarks:
        notes.print(line, markup=False, soft_wrap=True)


def _of_file(command: Evaluate) -> "tuple[Evaluation, Sequence[str]]":
    from slta.evaluation.result import evaluate_file

    for name in ("split", "overwrite", "root", "extractor", "words", "store", "model"):
        if getattr(command, name):
            raise InputError(
                f"--{name} is for a run, and {command.source} is a file; leave it out"
            )
    result = evaluate_file(
        command.source, command.truth, command.protocol, command.nms_iou
    )
    return result, result.notes


def _of_run(command: Evaluate) -> "tuple[Evaluation, Sequence[str]]":
    from slta.runs.inference import evaluate
    from slta.runs.pulling import named
    from slta.runs.run import load_run

    split = command.split or "test"
    source: Path | Run = command.source
    if command.source.exists() or named(command.source):
        source = load_run(
            command.source,
            model=command.model,
            root=command.root,
            extractor=command.extractor,
            words=command.words,
        )
    result = evaluate(
        source,
        split,
        command.protocol,
        command.truth,
        command.nms_iou,
        overwrite=command.overwrite,
        store=command.store,
        progress=progress,
    )
    folder = source if isinstance(source, Path) else source.folder
    place = folder / "predictions" / f"{split}.jsonl"
    return result, [] if command.json else [f"from {place}"]
