"""``slta push`` and ``slta pull``: runs on the Hugging Face hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slta.cli.screen import screen
from slta.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Push:
    """Share a run on the Hugging Face hub: configuration, weights and a model card."""

    run: tyro.conf.Positional[Path]
    """Folder of a run."""
    name: tyro.conf.Positional[str]
    """Its name on the hub, OWNER/NAME; HF_TOKEN must be a token that may write there."""
    licence: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Licence of the weights, as the hub calls it, such as apache-2.0."""
    private: bool = False
    """Make a new repository private."""


@dataclass(frozen=True, kw_only=True)
class Pull:
    """Fetch the newest version of a run from the Hugging Face hub."""

    name: tyro.conf.Positional[str]
    """Name of the run, OWNER/NAME or OWNER/NAME@REVISION."""
    to: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = (
        None
    )
    """New folder for it (default: in $SLTA_HOME/runs)."""


def push(command: Push) -> None:
    from slta.runs.pushing import push
    from slta.runs.run import Run

    url = push(
        Run.open(command.run),
        command.name,
        licence=command.licence,
        private=command.private,
    )
    screen.print(url, markup=False, soft_wrap=True)


def pull(command: Pull) -> None:
    from slta.hub import HubName
    from slta.runs.pulling import pull

    if (name := HubName.parse(command.name)) is None:
        raise InputError(
            f"{command.name!r} is not a name on the hub; give OWNER/NAME or "
            "OWNER/NAME@REVISION"
        )
    screen.print(
        str(pull(name, newest=True, to=command.to)), markup=False, soft_wrap=True
    )
