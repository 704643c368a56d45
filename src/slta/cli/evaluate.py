"""``slta evaluate``: a run's answers to numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from slta.cli.screen import notes, progress, screen


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure a run on a split: its predictions, then their numbers."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    split: str = "test"
    """Queries to ask."""
    protocol: Literal["ctrl", "plain"] = "ctrl"
    """How the answers are measured; docs/glossary.md says how they differ."""
    json: bool = False
    """Print one JSON object instead of a table."""
    again: bool = False
    """Make the predictions anew even if the run has them."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Where features are kept; else $SLTA_HOME/store, else in the cache folder."""


def evaluate(command: Evaluate) -> None:
    import json

    from slta.checkpoints import Run
    from slta.evaluation import answers, lines, measured

    run = Run.open(command.run)
    answers(run, command.split, command.store, progress, again=command.again)
    found = measured(run, command.split, command.protocol, command.store)
    if command.json:
        screen.out(json.dumps(found))
        return
    for line in lines(found):
        screen.print(line, markup=False, soft_wrap=True)
    predictions = run.predictions(command.split)
    notes.print(f"from {predictions}", markup=False, soft_wrap=True)
