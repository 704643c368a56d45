"""``slta compare``: models and seeds, and finished runs, to one table; ``slta plot``."""

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


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Plot a comparison by 'slta compare': recall, cost, and answers over time."""

    comparison: tyro.conf.Positional[Path]
    """JSON file written by 'slta compare'."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path(".")
    """Folder for recall.png, cost.png and answers.png."""


def plot(command: Plot) -> None:
    from slta.files import read_object
    from slta.plots.comparison import draw

    path = command.comparison
    remedy = "give a file written by 'slta compare'"
    try:
        found = read_object(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({why}); {remedy}") from error
    try:
        paths = draw(found, command.out)
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"{command.out} cannot be written ({why}); give a folder with --out"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a comparison (it lacks {error}); {remedy}"
        ) from error
    for made in paths:
        screen.print(str(made), markup=False, soft_wrap=True)


if TYPE_CHECKING:
    from slta.comparison.plan import Plan

FLAGS = {
    "training.seed": "--seeds",
    "training.steps": "--steps",
    "training.learning_rate": "--learning-rates",
}
"""Flags that set these fields of an experiment."""


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Train models with several seeds, or take finished runs, and compare them.

    slta compare slta ctrl --on DATA; slta compare runs/a runs/b; or both. If interrupted,
    run the same command again: finished work is kept.
    """

    names: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="MODEL|RUN [MODEL|RUN ...]", help_behavior_hint="(required)"
        ),
    ] = ()
    """Models, as for 'slta train', and folders of finished runs; the first is the reference.
    Runs that differ only in the seed are one row."""
    on: Annotated[str | None, tyro.conf.arg(metavar="DATA", help_behavior_hint="")] = (
        None
    )
    """Data set of the models."""
    root: Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = (
        None
    )
    """Folder of the data set; of runs, its new place."""
    to: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("comparison.json")
    """JSON file for all results; 'slta plot' draws it."""
    table: Annotated[
        tyro.conf.UseAppendAction[tuple[Path, ...]],
        tyro.conf.arg(metavar="FILE", help_behavior_hint="(repeatable)"),
    ] = ()
    """Table of the results: FILE.md (Markdown), FILE.csv (a row for each run, split and
    metric) or FILE.tex (LaTeX with booktabs)."""
    protocol: Annotated[
        str | None,
        tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the data set's)"),
    ] = None
    """Evaluation protocol; see 'slta list protocols'."""
    runs: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/compare")
    """Folder for new runs."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Random seeds; the first ones also select hyper-parameters on val."""
    selection_seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Seeds averaged when selecting hyper-parameters on val."""
    learning_rates: Annotated[
        tuple[float, ...], tyro.conf.arg(help_behavior_hint="(default: the model's)")
    ] = ()
    """Peak learning rates to select from."""
    steps: Annotated[
        tuple[int, ...], tyro.conf.arg(help_behavior_hint="(default: the model's)")
    ] = ()
    """Training steps to select from."""
    extractor: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Feature extractor in place of the data set's; of runs, its new place."""
    words: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Word vectors in place of the data set's; of runs, their new place."""
    model: Annotated[
        str | None, tyro.conf.arg(metavar="FILE.py:CLASS", help_behavior_hint="")
    ] = None
    """Model class of runs of a model of yours; the file is executed."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Feature store; default: $SLTA_HOME/store, else in the cache folder."""
    processes: Annotated[
        int,
        tyro.conf.arg(help_behavior_hint="(default: one per core, or one on a GPU)"),
    ] = 0
    """Number of runs trained at a time, each with one thread."""


def compare(command: Compare) -> None:
    from slta.comparison import tables
    from slta.comparison.compare import compare as compare_all
    from slta.comparison.compare import prepare
    from slta.files import write_whole

    if not command.names:
        raise InputError(
            "no models to compare; give models of 'slta list models' with --on DATA, or "
            "runs"
        )
    if command.processes < 0:
        raise InputError(f"--processes must be at least 0, got {command.processes}")
    for path in command.table:
        tables.check(path)
        if path.resolve() == command.to.resolve():
            raise InputError(f"--to and --table are both {path}; give two files")
    plan = _plan(command)
    _check_hyper_parameters(plan)
    _check_target(command.to)
    _check_folder(command.runs)
    prepare(plan, progress)
    with progress("training") as bar:
        comparison = compare_all(plan, bar)
    with _writing(command.to, "--to"):
        text = json.dumps(comparison, indent=1, ensure_ascii=False) + "\n"
        write_whole(command.to, text)
    for path in command.table:
        with _writing(path, "--table"):
            tables.write(path, comparison)
    for line in lines(comparison):
        screen.print(line, markup=False, soft_wrap=True)
    files = " and ".join(map(str, (command.to, *command.table)))
    notes.print(f"the results are in {files}", markup=False, soft_wrap=True)


def _plan(command: Compare) -> "Plan":
    from slta.comparison.plan import Plan, default_processes
    from slta.comparison.rows import resolve
    from slta.files import check_root
    from slta.models import find

    if command.model is not None:
        find(command.model)
    if command.root is not None:
        check_root(Path(command.root))
    rows = resolve(
        command.names,
        command.on,
        root=None if command.root is None else Path(command.root),
        extractor=command.extractor,
        words=command.words,
    )
    return Plan(
        experiments=rows.experiments,
        models=rows.models,
        finished=rows.finished,
        runs=command.runs,
        seeds=tuple(dict.fromkeys(command.seeds)),
        learning_rates=command.learning_rates,
        steps=command.steps,
        root=command.root,
        extractor=command.extractor,
        words=command.words,
        store=command.store,
        processes=command.processes or default_processes(),
        selection_seeds=command.selection_seeds,
        protocol=command.protocol,
    )


def _check_hyper_parameters(plan: "Plan") -> None:
    """Raises ``InputError`` for an invalid hyper-parameter, with the flag that sets it."""
    try:
        for seed in plan.seeds:
            for job in plan.jobs(seed):
                job.experiment(plan)
    except InputError:
        raise
    except ValueError as error:
        message = str(error)
        for field, flag in FLAGS.items():
            message = message.replace(field, flag)
        raise InputError(message) from error


def _check_target(path: Path) -> None:
    """Raises ``InputError`` for a file that could not be written after the training."""
    from slta.files import read_object

    with _writing(path, "--to"):
        path.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path.parent).close()
        if not path.exists():
            return
        try:
            content = read_object(path)
        except ValueError:
            content = {}
    if not {"models", "splits"} <= content.keys():
        raise InputError(
            f"{path} exists and is not a comparison; give another file with --to"
        )


def _check_folder(path: Path) -> None:
    nearest = next(filter(os.path.exists, (path, *path.parents)))
    if not os.path.isdir(nearest):
        raise InputError(f"--runs {path}: {nearest} is a file; name a folder")


@contextmanager
def _writing(path: Path, flag: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}); give another file "
            f"with {flag}"
        ) from error


def lines(comparison: dict[str, Any]) -> list[str]:
    """A line per row and split, then diverged runs and differing commits."""
    from slta.comparison.tables import baseline
    from slta.evaluation.measuring import without_moment

    protocol = comparison["protocol"]
    models, watched = comparison["models"], comparison["watched"]
    first = next(iter(models.values()))
    printed = []
    for split in comparison["splits"]:
        absent = without_moment(comparison["without_moment"][split], protocol)
        printed.append(f"{split}, protocol {protocol}, {watched}{absent}:")
        for row in models.values():
            number = row[split][watched]
            line = f"  {row['label']}: {_share(number['mean'], number['interval'])}"
            if row is not first:
                difference = _share(number["difference"], number["difference_interval"])
                line += f", {difference} compared with {first['label']}"
            if row["seeds"] != comparison["seeds"]:
                line += f", seed {', '.join(map(str, row['seeds']))}"
            printed.append(line)
        for kind, measures in comparison["without video"][split].items():
            number = measures[watched]
            share = _share(number["value"], number["interval"])
            printed.append(f"  {baseline(kind)}: {share}")
    for run in comparison["diverged"]:
        printed.append(
            f"{run['experiment']} diverged at batch {run['batch']}, with learning rate "
            f"{run['learning_rate']:g}, {run['steps']} steps and seed {run['seed']}"
        )
    by_commit: dict[str, list[str]] = {}
    for row in models.values():
        for commit in dict.fromkeys(row["commits"]):
            by_commit.setdefault(commit, []).append(row["label"])
    if len(by_commit) > 1:
        commits = "; ".join(f"{c}: {', '.join(n)}" for c, n in by_commit.items())
        printed.append(f"trained by different commits of the program ({commits})")
    return printed


def _share(value: float, interval: list[float]) -> str:
    low, high = interval
    return f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
