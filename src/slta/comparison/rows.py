"""What ``slta compare`` is given, to the rows of a table: models, experiments, runs."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from slta.comparison.jobs import has_diverged
from slta.comparison.plan import Plan, data_name, without_root
from slta.errors import InputError
from slta.experiments import data, experiment, parts, title, titles
from slta.experiments.variants import VARIANTS
from slta.extensions import is_file
from slta.models import names as model_names
from slta.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class Rows:
    """As a ``Plan`` has them."""

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
    """Models on the data set ``on``, titles of experiments, and folders of finished runs.

    Runs of an experiment that differ in the seed alone are one row. ``root``,
    ``extractor`` and ``words`` say where what the runs were trained with is now.

    Raises ``InputError`` for what is none of these, and for a run that is not finished.
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
    taken = {each for each in order if isinstance(each, str)}
    called = _names(rows, taken)
    return Rows(
        experiments=tuple(
            dict.fromkeys(
                each if isinstance(each, str) else called[each] for each in order
            )
        ),
        models=models,
        finished=dict(zip(called, rows, strict=True)),
    )


def labels(plan: Plan) -> dict[str, str]:
    """What tells the rows of a table of one data set apart: models, or names of runs."""
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
    """None where a model or an experiment is meant."""
    if name in _models() or name in titles() or is_file(name):
        return None
    if os.path.exists(name):
        return Path(name)
    if os.sep in name:
        raise InputError(
            f"there is no folder {name}; name a finished run, or a model with --on DATA"
        )
    return None


def _models() -> list[str]:
    return [*model_names(), *VARIANTS]


def _model(name: str, on: str | None, models: dict[str, tuple[str, str]]) -> str:
    """Its title; ``models`` is told a model that is not named by a title itself."""
    if not (is_file(name) or name in _models()):
        parts(name)
        return name
    if on is None:
        raise InputError(
            f"name the data set of {name} with --on DATA; list them with "
            "'slta list data'"
        )
    experiment(name, on)
    called, pair = title(name, on), (name, on)
    if models.setdefault(called, pair) != pair:
        raise InputError(
            f"{models[called][0]} and {name} would both be called {called}; rename one "
            "of the classes"
        )
    return called


def _opened(folder: Path, on: str | None, run: Run) -> Run:
    """Raises ``InputError`` for a run that is not finished, or of other data than named."""
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
                f"{on}; name runs on the same data set, or another --on"
            )
    return run


def _but_for_the_seed(run: Run) -> str:
    """What runs have in common that are one experiment with several seeds."""
    usual = run.experiment
    parts = replace(usual, training=replace(usual.training, seed=0)).to_json()
    # Where the folders are now is no part of an experiment.
    parts["dataset"].pop("root", None)
    start = run.read("config").get("from") or {}
    return json.dumps([parts, start.get("sha256")], sort_keys=True)


def _check_own_models(models: Mapping[str, tuple[str, str]]) -> None:
    """Models of files are known by the names of their configurations."""
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
    """Of each row of runs: its experiment's title, or where that is not enough the name
    of the folder of its first seed."""
    first = [row[0] for row in rows]
    titles, folders = [r.name for r in first], [r.folder.name for r in first]
    found = []
    for run, called, folder in zip(first, titles, folders, strict=True):
        if titles.count(called) == 1 and called not in taken:
            found.append(called)
        elif folders.count(folder) == 1 and folder not in {*taken, *titles}:
            found.append(folder)
        else:
            found.append(str(run.folder))
    return found
