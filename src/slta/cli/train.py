"""``slta train``: train a model on a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import tyro

from slta.cli.arguments import Moved, parsed
from slta.cli.screen import notes, progress
from slta.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a model on a data set and test it once: slta train MODEL --on DATA.

    'slta list models' and 'slta list data' show what there is; MODEL may also be
    my_file.py:MyModel. Every field of the configuration is an option as well, such as
    --training.steps; 'slta train MODEL --on DATA --help' lists them.
    """

    on: Annotated[str | None, tyro.conf.arg(metavar="DATA", help_behavior_hint="")] = (
        None
    )
    """Data set to train on."""
    root: Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = (
        None
    )
    """Folder of the data set, short for --dataset.root."""
    config: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Configuration as JSON: a run's config.json, or part of one; options override it."""
    start: Annotated[
        Path | None, tyro.conf.arg(name="from", metavar="RUN", help_behavior_hint="")
    ] = None
    """Start from the weights of this run (fine-tuning) instead of random ones."""
    resume: Annotated[
        Path | None, tyro.conf.arg(metavar="RUN", help_behavior_hint="")
    ] = None
    """Continue an interrupted run from its last evaluation; with --training.steps N, make
    a finished one longer. On a CPU with as many threads, an interrupted run ends with the
    same weights, bit for bit, as without the interruption."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = (
        None
    )
    """New folder of the run (default: runs/DATA_MODEL-DATE-TIME)."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of the store (default: $SLTA_HOME/store, or store in the cache folder)."""


@dataclass(frozen=True, kw_only=True)
class Longer:
    steps: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = (
        None
    )
    """Total training steps, more than before."""


@dataclass(frozen=True, kw_only=True)
class Resume(Moved):
    """Continue a run that was interrupted, or make it longer."""

    resume: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Folder of the run."""
    training: Longer = field(default_factory=Longer)
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of the store (default: $SLTA_HOME/store, or store in the cache folder)."""


def train(arguments: Sequence[str]) -> None:
    """Runs ``slta train`` with the arguments after it."""
    if _value(arguments, "--resume") is not None:
        return _resume(arguments)
    name = arguments[0] if arguments[:1] and not arguments[0].startswith("-") else None
    if name is None and _value(arguments, "--config") is None:
        parsed(Train, arguments, prog="slta train")
    return _train(name, arguments[name is not None :])


def _resume(arguments: Sequence[str]) -> None:
    for option in ("--out", "--on", "--config", "--from"):
        if _value(arguments, option) is not None:
            raise InputError(
                f"{option} is for a new run, and --resume continues one in its own "
                "folder; leave one of them out"
            )
    command = parsed(Resume, arguments, prog="slta train")
    from slta.training.train import resume

    command.load_model()
    run = resume(
        command.resume,
        root=command.root,
        extractor=command.extractor,
        words=command.words,
        store=command.store,
        steps=command.training.steps,
        shows=progress,
    )
    notes.print(f"the run is in {run.folder}", markup=False, soft_wrap=True)


def _train(name: str | None, arguments: Sequence[str]) -> None:
    from slta.experiments.composing import composed
    from slta.training.public import new_folder, rooted
    from slta.training.train import train

    config = _value(arguments, "--config")
    title, usual = composed(
        name, _value(arguments, "--on"), None if config is None else Path(config)
    )
    parts = {each: getattr(usual, each) for each in vars(usual)}
    # With the types of these, so that only options that exist are listed.
    options = make_dataclass(
        "Options",
        [("command", Annotated[Train, tyro.conf.arg(name="")])]
        + [(each, type(part)) for each, part in parts.items()],
        frozen=True,
        kw_only=True,
    )
    values: Any = parsed(
        options,
        arguments,
        default=options(command=Train(), **parts),
        pairs=True,
        prog=f"slta train {name}" if name else "slta train",
        description=f"Train {title}.",
    )
    command = values.command
    experiment = replace(usual, **{each: getattr(values, each) for each in parts})
    root, named = command.root, getattr(experiment.dataset, "root", None)
    if root and named not in (root, getattr(usual.dataset, "root", None)):
        raise InputError(f"--root {root} and --dataset.root {named} are two; give one")
    run = train(
        title,
        rooted(title, experiment, root),
        command.out or new_folder(title),
        start=command.start,
        store=command.store,
        shows=progress,
    )
    notes.print(f"the run is in {run.folder}", markup=False, soft_wrap=True)


def _value(arguments: Sequence[str], option: str) -> str | None:
    """The value of an option, before all options are known."""
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and following and not following.startswith("--"):
            return following
    return None
