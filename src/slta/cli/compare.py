"""``slta compare``: experiments and seeds to one table."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from slta.cli.screen import notes, progress, screen
from slta.errors import InputError

if TYPE_CHECKING:
    from slta.comparison.plan import Plan

FLAGS = {
    "training.seed": "--seeds",
    "training.steps": "--steps",
    "training.learning_rate": "--learning-rates",
}
"""By which a plan's fields are given here."""


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Train several experiments with several seeds, and measure them alike.

    Who is stopped goes on with the same command: a run that is finished is kept.
    """

    experiments: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="EXPERIMENT [EXPERIMENT ...]", help_behavior_hint="(required)"
        ),
    ] = ()
    """Experiments on one data set; the others are held against the first."""
    to: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("comparison.json")
    """Where everything that was measured is written; 'slta plot' draws it."""
    runs: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/compare")
    """Folder of the runs."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the runs; the first ones also choose among the settings, on val."""
    choosing: int = 1
    """How many of the seeds choose among the settings, by their mean: one seed may be
    lucky with one of them."""
    learning_rates: tuple[float, ...] = ()
    """To choose from; without any, the experiment's own."""
    steps: tuple[int, ...] = ()
    """Batches in all, to choose from; without any, the experiment's own."""
    root: Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = (
        None
    )
    """Folder of the data set, for those that have one."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Where features are kept; else $SLTA_HOME/store, else in the cache folder."""
    processes: Annotated[
        int,
        tyro.conf.arg(help_behavior_hint="(default: one a core, or one on a GPU)"),
    ] = 0
    """Runs at a time, each with one thread."""


def compare(command: Compare) -> None:
    from slta.comparison.compare import compare as compare_all
    from slta.comparison.compare import prepare
    from slta.comparison.plan import Plan, default_processes
    from slta.files import write_whole

    if not command.experiments:
        raise InputError(
            "name models to compare, with --on DATA, or runs; 'slta list models' has them"
        )
    if command.processes < 0:
        raise InputError(f"--processes must be at least 0, got {command.processes}")
    plan = Plan(
        experiments=tuple(dict.fromkeys(command.experiments)),
        runs=command.runs,
        seeds=tuple(dict.fromkeys(command.seeds)),
        learning_rates=command.learning_rates,
        steps=command.steps,
        root=command.root,
        store=command.store,
        processes=command.processes or default_processes(),
        choosing=command.choosing,
    )
    _check_settings(plan)
    _check_target(command.to)
    _check_folder(command.runs)
    prepare(plan, progress)
    with progress("training") as bar:
        found = compare_all(plan, bar)
    with _writing(command.to):
        write_whole(command.to, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    for line in lines(found):
        screen.print(line, markup=False, soft_wrap=True)
    notes.print(f"all of it is in {command.to}", markup=False, soft_wrap=True)


def _check_settings(plan: "Plan") -> None:
    """Raises ``InputError`` for a value that no experiment can have."""
    try:
        for seed in plan.seeds:
            for job in plan.jobs(seed):
                job.experiment(plan)
    except InputError:
        raise
    except ValueError as error:
        said = str(error)
        for field, flag in FLAGS.items():
            said = said.replace(field, flag)
        raise InputError(said) from error


def _check_target(path: Path) -> None:
    """Raises ``InputError`` before the training rather than after it."""
    from slta.files import read_object

    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path.parent).close()
        if not path.exists():
            return
        try:
            found = read_object(path)
        except ValueError:
            found = {}
    if not {"models", "splits"} <= found.keys():
        raise InputError(
            f"{path} is there and is no comparison; name another file with --to"
        )


def _check_folder(path: Path) -> None:
    there = next(filter(os.path.exists, (path, *path.parents)))
    if not os.path.isdir(there):
        raise InputError(f"--runs {path}: {there} is a file; name a folder")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}); name another file "
            "with --to"
        ) from error


def lines(found: dict[str, Any]) -> list[str]:
    """A line a model and split."""
    first = next(iter(found["models"]))
    said = []
    for split in found["splits"]:
        said.append(f"{split}, protocol {found['protocol']}, R@1, IoU=0.5:")
        for name, row in found["models"].items():
            number = row[split]["R@1, IoU=0.5"]
            line = f"  {name}: {_share(number['mean'], number['interval'])}"
            if row["seeds"] != found["seeds"]:
                line += f" of {len(row['seeds'])} of the seeds"
            if name != first:
                away = _share(number["difference"], number["difference_interval"])
                line += f", {away} against {first}"
            said.append(line)
        for name, answers in found["without video"][split].items():
            number = answers["R@1, IoU=0.5"]
            said.append(f"  {name}: {_share(number['value'], number['interval'])}")
    for each in found["diverged"]:
        said.append(
            f"{each['experiment']} diverged at batch {each['batch']}, with learning rate "
            f"{each['learning_rate']:g}, {each['steps']} steps and seed {each['seed']}"
        )
    return said


def _share(value: float, interval: list[float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
