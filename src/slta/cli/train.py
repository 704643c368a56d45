"""``slta train``: an experiment to a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import tyro

from slta.cli.arguments import Moved, parsed
from slta.cli.screen import notes, progress
from slta.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Folders:
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = (
        None
    )
    """Folder of the run, which must be new; else runs/EXPERIMENT-DATE-TIME."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Where features are kept; else $SLTA_HOME/store, else in the cache folder."""


@dataclass(frozen=True, kw_only=True)
class Train(Moved, Folders):
    """Train a model on a data set and test it once: slta train EXPERIMENT.

    Every field of an experiment is a flag that changes it, such as --training.steps;
    'slta train EXPERIMENT --help' lists them.
    """

    resume: Annotated[
        Path | None, tyro.conf.arg(metavar="RUN", help_behavior_hint="")
    ] = None
    """Go on with a run that was stopped, from its last evaluation. On a CPU, with as many
    threads, it ends with the same weights, bit for bit, as without the stop."""


def train(command: Train) -> None:
    """Without the name of an experiment, only a run can be resumed."""
    if command.resume is None:
        from slta.experiments import known

        raise InputError(f"name an experiment to train; known are {known()}")
    if command.out is not None:
        raise InputError("a run goes on in its own folder; leave --out out")
    from slta.training.train import resume

    run = resume(
        command.resume,
        root=command.root,
        extractor=command.extractor,
        words=command.words,
        store=command.store,
        shows=progress,
    )
    notes.print(f"the run is in {run.folder}", markup=False, soft_wrap=True)


def train_named(name: str, arguments: Sequence[str]) -> None:
    """``arguments`` are the flags after the experiment's name."""
    from slta.experiments import experiment
    from slta.experiments.config import Experiment
    from slta.experiments.opening import root_of, with_root
    from slta.files import check_root
    from slta.training.train import train

    usual = experiment(name)

    @dataclass(frozen=True, kw_only=True)
    class Named:
        folders: Annotated[Folders, tyro.conf.arg(name="")]
        root: Annotated[
            str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
        ] = None
        """Folder of the data set, for those that have one: --dataset.root for short."""
        experiment: Annotated[Experiment, tyro.conf.arg(name="")]

    given = parsed(
        Named,
        arguments,
        default=Named(folders=Folders(), experiment=usual),
        prog=f"slta train {name}",
        description=f"Train the experiment {name}.",
    )
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = given.folders.out or Path("runs") / f"{name}-{stamp}"
    named = getattr(given.experiment.dataset, "root", None)
    if given.root and named not in (given.root, getattr(usual.dataset, "root", None)):
        raise InputError(
            f"--root {given.root} and --dataset.root {named} are two; give one"
        )
    chosen = with_root(name, given.experiment, given.root)
    if (root := root_of(chosen)) is not None:
        check_root(root)
    run = train(name, chosen, folder, store=given.folders.store, shows=progress)
    notes.print(f"the run is in {run.folder}", markup=False, soft_wrap=True)
