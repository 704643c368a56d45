"""Rows of a comparison from the arguments of ``slta compare``."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from slta.comparison.jobs import has_diverged
from slta.comparison.plan import Plan, data_name, without_root
from slta.errors import InputError
from slta.experiments import data, experiment, parts, title, titles
from slta.experiments.data import VARIANTS
from slta.extensions import is_file
from slta.models import names as model_names
from slta.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a ``Plan``, which has the same fields."""

    experiments: tuple[str, ...]
    models: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    finished: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)


def resolve(
    names: Sequence[str],
    on: str | None = None,
    *,
    root: Path | None = None,
    extractor: str | None = None,
    words: str | None = None,
) -> Rows:
    """Rows from models on the data set ``on``, experiments and folders of finished runs.

    Runs that differ in nothing but the seed are one row. ``root``, ``extractor`` and
    ``words`` are the current places of the runs' data set, features and word vectors.

    Raises ``InputError`` for other names, and for a run that is not finished.
    """
    models: dict[str, tuple[str, str]] = {}
    order: list[str | int] = []
    groups: list[dict[int, Run]] = []
    keys: list[str] = []
    seen: set[Path] = set()
    if on is not None:
        data(on)
    for name in names:
        if (folder := _folder(name)) is None:
            order.append(_model(name, on, models))
        elif folder.resolve() not in seen:
            seen.add(folder.resolve())
            run = _opened(folder, on, Run.open(folder, root, extractor, words))
            key, seed = _but_for_the_seed(run), run.experiment.training.seed
            # A second run of the same seed is another training of the experiment.
            place = next(
                (i for i, k in enumerate(keys) if k == key and seed not in groups[i]),
                len(groups),
            )
            if place == len(groups):
                keys.append(key)
                groups.append({})
                order.append(place)
            groups[place][seed] = run
    _check_own_models(models)
    rows = [tuple(run for _, run in sorted(group.items())) for group in groups]
    taken = {entry for entry in order if isinstance(entry, str)}
    row_names = _names(rows, taken)
    return Rows(
        experiments=tuple(
            dict.fromkeys(
                entry if isinstance(entry, str) else row_names[entry] for entry in order
            )
        ),
        models=models,
        finished=dict(zip(row_names, rows, strict=True)),
    )


def labels(plan: Plan) -> dict[str, str]:
    """Short labels of the rows: models or names of runs, where these are unique."""
    on = plan.data
    short = {}
    for name in plan.experiments:
        if name in plan.models:
            short[name] = plan.models[name][0].rpartition(":")[2]
        elif name in titles():
            short[name] = parts(name)[0]
        else:
            short[name] = name.removeprefix(f"{on}_")
    alone = len({*short.values()}) == len(short)
    return short if alone else {name: name for name in short}


def _folder(name: str) -> Path | None:
    """The folder of a run; None for a model or an experiment."""
    if name in _models() or name in titles() or is_file(name):
        return None
    if os.path.exists(name):
        return Path(name)
    if os.sep in name:
        raise InputError(
            f"there is no folder {name}; give a finished run, or a model with --on DATA"
        )
    return None


def _models() -> list[str]:
    return [*model_names(), *VARIANTS]


def _model(name: str, on: str | None, models: dict[str, tuple[str, str]]) -> str:
    """Title of a model or experiment; a model is added to ``models`` under it."""
    if not (is_file(name) or name in _models()):
        parts(name)
        return name
    if on is None:
        raise InputError(
            f"{name} needs a data set; give one of 'slta list data' with --on"
        )
    experiment(name, on)
    row, pair = title(name, on), (name, on)
    if models.setdefault(row, pair) != pair:
        raise InputError(
            f"{models[row][0]} and {name} would both be called {row}; rename one of the "
            "classes"
        )
    return row


def _opened(folder: Path, on: str | None, run: Run) -> Run:
    """Raises ``InputError`` for a run that is not finished, or not on the data set ``on``."""
    if gone := has_diverged(run):
        raise InputError(
            f"{folder} diverged at batch {gone['batch']}; train again with a lower "
            "--training.learning-rate, or leave it out"
        )
    if not run.is_finished:
        raise InputError(
            f"{folder} is not finished; continue it with 'slta train --resume {folder}', "
            "or leave it out"
        )
    if on is not None:
        ours = replace(run.experiment, dataset=data(on).dataset)
        if without_root(ours) != without_root(run.experiment):
            raise InputError(
                f"{folder} is a run on {data_name(run.experiment, run.name)}, not on "
                f"{on}; give runs on the same data set, or another --on"
            )
    return run


def _but_for_the_seed(run: Run) -> str:
    """Key that is equal for runs of one experiment with several seeds."""
    usual = run.experiment
    parts = replace(usual, training=replace(usual.training, seed=0)).to_json()
    # The current place of a folder is not a part of the experiment.
    parts["dataset"].pop("root", None)
    start = run.read("config").get("from") or {}
    return json.dumps([parts, start.get("sha256")], sort_keys=True)


def _check_own_models(models: Mapping[str, tuple[str, str]]) -> None:
    """Raises ``InputError`` if two models from files have the same name."""
    seen: dict[str, str] = {}
    for word, on in models.values():
        if is_file(word):
            name = experiment(word, on).model.name
            if seen.setdefault(name, word) != word:
                raise InputError(
                    f"{seen[name]} and {word} have the same name, {name!r}, in their "
                    "configurations; give each its own"
                )


def _names(rows: Sequence[Sequence[Run]], taken: set[str]) -> list[str]:
    """A unique name for each row of runs: its experiment's title, else the name or path of
    its first seed's folder."""
    first = [row[0] for row in rows]
    titles, folders = [r.name for r in first], [r.folder.name for r in first]
    names = []
    for run, row, folder in zip(first, titles, folders, strict=True):
        if titles.count(row) == 1 and row not in taken:
            names.append(row)
        elif folders.count(folder) == 1 and folder not in {*taken, *titles}:
            names.append(folder)
        else:
            names.append(str(run.folder))
    return names
