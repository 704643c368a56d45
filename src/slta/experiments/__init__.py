"""Experiments: a model on a data set. A file here says what one data set, or several that
are alike, offer every model; the cross product follows."""

from typing import Any

from slta.errors import InputError
from slta.experiments import published
from slta.experiments.composites import COMPOSITES
from slta.experiments.config import Experiment, changed
from slta.experiments.data import Data
from slta.experiments.own import OWN
from slta.experiments.shapes import SHAPES, SMALL
from slta.experiments.variants import VARIANTS
from slta.extensions import installed, unknown
from slta.models import config_of, find
from slta.models import known as known_models

DATA: dict[str, Data] = {
    "shapes": SHAPES,
    "shapes_small": SMALL,
    "composites": COMPOSITES,
    "own": OWN,
    "charades_sta": published.CHARADES_STA,
    "charades_sta_released": published.CHARADES_STA_RELEASED,
    "tacos": published.TACOS,
    "tacos_2dtan": published.TACOS_2DTAN,
    "tacos_released": published.TACOS_RELEASED,
    "didemo": published.DIDEMO,
    "qvhighlights": published.QVHIGHLIGHTS,
    "activitynet_captions": published.ACTIVITYNET_CAPTIONS,
}
ALIASES = {
    "own": ("slta", "own"),
    "shapes_slta_small": ("slta", "shapes_small"),
    "charades_sta_slta_released": ("slta", "charades_sta_released"),
    "tacos_slta_released": ("slta", "tacos_released"),
    "tacos_slta_2dtan": ("slta", "tacos_2dtan"),
}
"""Names of earlier versions that do not follow from the model and the data set."""
LIST = "list them with 'slta list {}'"


def known_data() -> dict[str, Data]:
    """The data sets of the program and of installed packages."""
    return installed("datasets") | DATA


def data(name: str) -> Data:
    """What a data set offers, by its name here or in ``slta data list``.

    Raises ``InputError`` for an unknown name.
    """
    every = known_data()
    underscored = name.replace("-", "_")
    if underscored in every:
        return every[underscored]
    for value in every.values():
        if value.dataset.name == name:
            return value
    raise InputError(unknown("data set", name, every, LIST.format("data")))


def experiment(model: str, on: str) -> Experiment:
    """A model, or a variant of SLTA, on a data set.

    Raises ``InputError`` for a name that is unknown.
    """
    offer = data(on)
    if model in VARIANTS:
        return VARIANTS[model](offer.experiment("slta"))
    return offer.experiment(model)


def from_json(values: Any, usual: Experiment | None = None) -> Experiment:
    """An experiment as a run's config.json has it; over ``usual``, which may be of another
    data set, a part of one.

    Raises ``InputError`` for another model than the usual one, for a name or a field that
    is unknown, and for a value that a field cannot have.
    """
    if not isinstance(values, dict):
        raise InputError("it must be an object with the parts of an experiment")
    names = {part: _name(values, part) for part in ("dataset", "model")}
    if usual is None:
        # Data sets had no name at first but for Shapes, which was the only one.
        usual = Experiment(
            dataset=_dataset(names["dataset"] or SHAPES.dataset.name),
            model=config_of(find(names["model"] or "slta"))(),
        )
    elif (model := names["model"]) not in (None, usual.model.name):
        raise InputError(
            f"it is of the model {model}, and {usual.model.name} was asked for; leave "
            "the model's name out of the command, or its part out of the file"
        )
    elif names["dataset"] not in (None, usual.dataset.name):
        raise InputError(
            f"it is of the data set {names['dataset']}, and {usual.dataset.name} was asked "
            "for; leave --on out, or the data set's part out of the file"
        )
    return changed(usual, values)


def _name(values: dict[str, Any], part: str) -> str | None:
    found = values.get(part)
    name = found.get("name") if isinstance(found, dict) else None
    return None if name is None else str(name)


def _dataset(name: str) -> Any:
    for each in known_data().values():
        if each.dataset.name == name:
            return type(each.dataset)()
    return type(data(name).dataset)()


def protocol_of(experiment: Experiment) -> str:
    """The protocol of the test after training."""
    for each in known_data().values():
        if type(each.dataset) is type(experiment.dataset):
            return each.protocol
    return "ctrl"


def title(model: str, on: str) -> str:
    """The name of a model on a data set, as runs are called."""
    stem = model.rpartition(":")[2] or model
    return f"{on.replace('-', '_')}_{stem}"


def titled(name: str) -> Experiment:
    """The experiment with a title, such as ``shapes_slta``.

    Raises ``InputError`` for a name that is unknown.
    """
    return experiment(*parts(name))


def parts(name: str) -> tuple[str, str]:
    """The model and the data set of a title.

    >>> parts("charades_sta_qd_detr")
    ('qd_detr', 'charades_sta')
    """
    if name in ALIASES:
        return ALIASES[name]
    models = [*known_models(), *VARIANTS]
    for on in sorted(known_data(), key=len, reverse=True):
        model = name.removeprefix(f"{on}_")
        if name.startswith(f"{on}_") and model in models:
            return model, on
    if name in models:
        raise InputError(
            f"name the data set, too: slta train {name} --on DATA; "
            + LIST.format("data")
        )
    if name in known_data():
        raise InputError(
            f"name the model, too: slta train MODEL --on {name}; "
            + LIST.format("models")
        )
    remedy = "give a model and --on DATA; " + LIST.format("models")
    raise InputError(unknown("experiment", name, [*models, *titles()], remedy))


def titles() -> list[str]:
    """Every model on every data set, and the names of earlier versions."""
    models = [*known_models(), *VARIANTS]
    made = [title(model, on) for on in known_data() for model in models]
    return [*ALIASES, *made]
