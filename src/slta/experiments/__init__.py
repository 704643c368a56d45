"""Experiments: a model on a data set. A module for one data set, or several similar ones,
has their features, candidates and training; experiments are all combinations."""

from typing import Any

from slta.datasets import DATASETS
from slta.errors import InputError
from slta.experiments import published
from slta.experiments.composites import COMPOSITES
from slta.experiments.config import Experiment, changed, with_new_fields
from slta.experiments.data import VARIANTS, Data
from slta.experiments.own import OWN
from slta.experiments.shapes import SHAPES, SMALL
from slta.extensions import Known, unknown
from slta.models import Builder, config_of, find
from slta.models import names as model_names

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
FIRST_DATA = SHAPES.dataset.name
"""What a configuration without a name is of: at first there was no other."""
ALIASES = {
    "own": ("slta", "own"),
    "shapes_slta_small": ("slta", "shapes_small"),
    "charades_sta_slta_released": ("slta", "charades_sta_released"),
    "tacos_slta_released": ("slta", "tacos_released"),
    "tacos_slta_2dtan": ("slta", "tacos_2dtan"),
}
"""Names of earlier versions that do not follow from the model and the data set."""
LIST = "list them with 'slta list {}'"


def _offered(name: str, value: Any) -> Data:
    """Checks the data set of an installed package."""
    if not isinstance(value, Data):
        raise InputError(f"{name} is not a slta.experiments.data.Data")
    kind, called = type(value.dataset), value.dataset.name
    if value.open is None and kind not in DATASETS:
        raise InputError("its Data has no open function")
    if any(each.name == called and each is not kind for each in DATASETS):
        raise InputError(f"its configuration has the name {called!r} of slta's own")
    return value


_KNOWN = Known("datasets", DATA, _offered)


def known_data() -> dict[str, Data]:
    """Built-in data sets and those of installed packages."""
    return _KNOWN.all()


def data(name: str) -> Data:
    """A data set by its name here or in ``slta data list``.

    Raises ``InputError`` for an unknown name.
    """
    for key in (name, name.replace("-", "_")):
        if (offer := _KNOWN.get(key)) is not None:
            return offer
    for offers in (DATA, known_data()):
        for offer in offers.values():
            if offer.dataset.name == name:
                return offer
    raise InputError(unknown("data set", name, _KNOWN.names(), LIST.format("data")))


def experiment(model: str | Builder, on: str) -> Experiment:
    """The experiment of a model, or a variant of SLTA, on a data set.

    Raises ``InputError`` for a name that is unknown.
    """
    offer = data(on)
    if isinstance(model, str) and model in VARIANTS:
        return VARIANTS[model](offer.experiment("slta"))
    return offer.experiment(model)


def from_json(values: Any, usual: Experiment | None = None) -> Experiment:
    """An experiment from JSON, as in a run's config.json; with ``usual``, JSON may be
    partial.

    Raises ``InputError`` for another model or data set than those of ``usual``, for an
    unknown name or field, and for an invalid value.
    """
    if not isinstance(values, dict):
        raise InputError("it must be an object with the parts of an experiment")
    names = {part: name_in(values, part) for part in ("dataset", "model")}
    if usual is None:
        usual = Experiment(
            dataset=_dataset(names["dataset"] or FIRST_DATA),
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
    values = with_new_fields(usual.model.name, values)
    return changed(usual, values)


def check_known(
    values: Any,
    called: str,
    model_from: object = None,
    flag: str = "--model FILE.py:CLASS",
) -> None:
    """Raises ``InputError`` for a configuration, called so, whose model or data set is
    neither the program's, nor installed, nor was named by its file. The model is said to
    be from ``model_from``; ``flag`` is how its file is named."""
    model, on = name_in(values, "model"), name_in(values, "dataset")
    if model is not None and model not in model_names():
        place = f" of {model_from}" if model_from else ""
        raise InputError(
            f"{called} has the model {model!r}{place}, which is not installed; install "
            f"its package, or name its file with {flag}"
        )
    if on is not None and not _has_data(on):
        raise InputError(
            f"{called} has the data set {on!r}, which is not installed; install its "
            "package"
        )


def _has_data(name: str) -> bool:
    return name in _KNOWN.names() or any(
        offer.dataset.name == name
        for offers in (DATA, known_data())
        for offer in offers.values()
    )


def name_in(values: Any, part: str) -> str | None:
    """The name of the model or the data set of a configuration, if it says it."""
    found = values.get(part) if isinstance(values, dict) else None
    name = found.get("name") if isinstance(found, dict) else None
    return None if name is None else str(name)


def _dataset(name: str) -> Any:
    return type(data(name).dataset)()


def protocol_of(experiment: Experiment) -> str:
    """Protocol of the test after training."""
    for offers in (DATA, known_data()):
        for offer in offers.values():
            if type(offer.dataset) is type(experiment.dataset):
                return offer.protocol
    return "ctrl"


def title(model: str | Builder, on: str) -> str:
    """The name of an experiment, and of its runs."""
    called = model if isinstance(model, str) else getattr(model, "__name__", "model")
    stem = called.rpartition(":")[2] or called
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
    models = [*model_names(), *VARIANTS]
    for on in sorted(_KNOWN.names(), key=len, reverse=True):
        model = name.removeprefix(f"{on}_")
        if name.startswith(f"{on}_") and model in models:
            return model, on
    if name in models:
        raise InputError(
            f"name the data set, too: slta train {name} --on DATA; "
            + LIST.format("data")
        )
    if name in _KNOWN.names():
        raise InputError(
            f"name the model, too: slta train MODEL --on {name}; "
            + LIST.format("models")
        )
    remedy = "give a model and --on DATA; " + LIST.format("models")
    raise InputError(unknown("experiment", name, [*models, *titles()], remedy))


def titles() -> list[str]:
    """Titles of all experiments, and names of earlier versions."""
    models = [*model_names(), *VARIANTS]
    made = [title(model, on) for on in _KNOWN.names() for model in models]
    return [*ALIASES, *made]
