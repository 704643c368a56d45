"""``slta import``: a run from another program's checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from slta.cli.screen import notes


@dataclass(frozen=True, kw_only=True)
class Import:
    """Make a run from a checkpoint of another program, to search and evaluate with."""

    file: tyro.conf.Positional[Path]
    """Checkpoint (.ckpt); nothing in it is executed."""
    program: Annotated[
        Literal["lighthouse", "moment_detr", "qd_detr"], tyro.conf.arg(name="as")
    ]
    """Program that wrote it: lighthouse, or the authors' of Moment-DETR or of QD-DETR."""
    to: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """New folder of the run."""
    extractor: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Features to search with (default: clip-frames:openai/clip-vit-base-patch32)."""


def import_(command: Import) -> None:
    from slta.runs.importing import import_run

    run = import_run(command.file, command.program, command.to, command.extractor)
    notes.print(f"the run is in {run.folder}", markup=False, soft_wrap=True)
