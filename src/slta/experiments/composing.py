"""Composes an experiment from a model, a data set and a configuration."""

import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from slta.errors import InputError
from slta.experiments import (
    FIRST_DATA,
    check_known,
    experiment,
    from_json,
    name_in,
    parts,
    title,
)
from slta.experiments.config import Experiment
from slta.experiments.data import VARIANTS
from slta.extensions import is_file
from slta.files import read_object
from slta.models import Builder
from slta.models import names as model_names

PARTS = frozenset(Experiment.__dataclass_fields__)
NAMED = ("dataset", "model")
BESIDE = frozenset({"name", "version", "model_from", "from"})
"""Keys of a run's config.json beside the experiment."""


class Composed(NamedTuple):
    title: str
    """Name of its runs."""
    experiment: Experiment


def composed(
    model: str | Builder | None = None,
    on: str | None = None,
    config: Path | Mapping[str, Any] | None = None,
) -> Composed:
    """A model on a data set, changed by a configuration: a JSON file or its content, such as
    a run's config.json. It may also give the model and the data set.

    Raises ``InputError`` for unknown names, and for a configuration that does not fit.
    """
    if config is None:
        return _named(model, on)
    if not isinstance(config, Path):
        return _over(model, on, config)
    try:
        values = read_object(config)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--config {config} cannot be read ({error}); give a JSON file, such as a "
            "run's config.json"
        ) from error
    try:
        return _over(model, on, values, config.stem)
    except InputError as error:
        raise InputError(f"--config {config}: {error}") from error


def _named(model: str | Builder | None, on: str | None) -> Composed:
    if model is None:
        raise InputError(
            "give a model and a data set: slta train MODEL --on DATA; list them with "
            "'slta list models' and 'slta list data'"
        )
    if on is not None:
        return Composed(title(model, on), experiment(model, on))
    if not isinstance(model, str):
        raise InputError("no data set given; add on=DATA")
    return Composed(model, experiment(*parts(model)))


def _over(
    model: str | Builder | None,
    on: str | None,
    values: Mapping[str, Any],
    stem: str | None = None,
) -> Composed:
    """``stem`` is the last choice for the title."""
    inner = _unwrapped(values)
    whole = inner.keys() >= PARTS
    called = None
    if isinstance(model, str) and on is None and not _is_model(model):
        called = model
        model, on = parts(model)
    elif model is None and on is None and whole:
        called = str(values.get("name", stem or "run"))
    if model is None:
        named = "slta train FILE.py:CLASS"
        check_known(inner, "it", values.get("model_from"), named)
        model = name_in(inner, "model")
        if model is None:
            raise InputError("it has no model; give one: slta train MODEL --on DATA")
    on = on or name_in(inner, "dataset") or (FIRST_DATA if whole else None)
    if on is None:
        raise InputError("it has no data set; give one with --on DATA")
    usual = experiment(model, on)
    found = from_json(inner, usual)
    if whole:
        # Fields that are missing are newer than the file, and get their defaults.
        names = {part: {"name": getattr(usual, part).name} for part in NAMED}
        found = from_json({**inner, **{p: {**n, **inner[p]} for p, n in names.items()}})
    return Composed(called or title(model, on), found)


def _is_model(name: str) -> bool:
    return is_file(name) or name in model_names() or name in VARIANTS


def _unwrapped(values: Mapping[str, Any]) -> dict[str, Any]:
    """The experiment of a run's config.json, or all other values."""
    written = str(values.get("version", "0"))
    if not re.match(r"\d", written) or _numbers(written) > _numbers(version("slta")):
        raise InputError(
            f"it was written by slta {written}, and this is {version('slta')}; update "
            "slta, or remove the version from the file and check its fields"
        )
    inner = values.get("experiment")
    if inner is None:
        return {key: value for key, value in values.items() if key not in BESIDE}
    if not isinstance(inner, dict):
        raise InputError("its experiment must be an object with the parts of one")
    return inner


def _numbers(written: str) -> list[int]:
    """
    >>> _numbers("0.10.0") > _numbers("0.9")
    True
    """
    return [int(number) for number in re.findall(r"\d+", written)]
