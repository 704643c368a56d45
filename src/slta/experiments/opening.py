"""An experiment's data, made where it is not there: films, features, sentences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from slta.datasets import DATASETS
from slta.datasets.base import Dataset
from slta.datasets.split import Split, prepare
from slta.errors import InputError
from slta.experiments import known_data
from slta.experiments.config import AUTOMATIC, Experiment, FeaturesConfig
from slta.features import provider
from slta.features.provider import Provider
from slta.features.store import Store
from slta.progress import ProgressFactory, no_progress

READY, WATCHING = "ready", "cells"
"""What an automatic extractor becomes."""


def open_dataset(
    experiment: Experiment, shows: ProgressFactory = no_progress
) -> Dataset:
    config = experiment.dataset
    if type(config) not in DATASETS:
        return _opener(config)(config)
    with shows("making the films") as progress:
        return DATASETS[type(config)](config, progress)


def _opener(config: Any) -> Callable[[Any], Dataset]:
    """What opens the data set of an installed package."""
    for offer in known_data().values():
        if type(offer.dataset) is type(config) and offer.open is not None:
            return offer.open
    raise InputError(
        f"the data set {config.name} is of no installed package; install the one that "
        "it is from"
    )


def root_of(experiment: Experiment) -> Path | None:
    """The folder of the data set; None where it is made here."""
    root = getattr(experiment.dataset, "root", None)
    return None if root is None else Path(root)


def with_root(name: str, experiment: Experiment, root: str | Path | None) -> Experiment:
    """The experiment of that name on the data set in ``root``, if one is given.

    Raises ``InputError`` for a data set without a folder.
    """
    if root is None:
        return experiment
    dataset: Any = experiment.dataset
    if not hasattr(dataset, "root"):
        raise InputError(
            f"the data set of {name} is made and has no folder; leave --root out"
        )
    return replace(experiment, dataset=replace(dataset, root=str(root)))


def resolve_extractor(experiment: Experiment) -> Experiment:
    """With an extractor where none is named: ready features, if they lie beside the
    annotations and no videos do, and else what looks at videos without more ado."""
    features = _resolved(experiment.features, root_of(experiment))
    return replace(experiment, features=features)


def _resolved(features: FeaturesConfig, root: Path | None) -> FeaturesConfig:
    if features.extractor != AUTOMATIC:
        return features
    name = WATCHING
    if root and (root / "features").is_dir() and not (root / "videos").exists():
        name = READY
    return replace(features, extractor=name)


def open_library(
    experiment: Experiment,
    store: Path | None = None,
    durations: Callable[[], Mapping[str, float]] | None = None,
) -> Provider:
    """``durations`` gives the lengths that the data set knows, if it is open anyway."""
    known = durations or durations_of(experiment)
    return library_of(experiment.features, root_of(experiment), known, store)


def library_of(
    features: FeaturesConfig,
    root: Path | None,
    durations: Callable[[], Mapping[str, float]],
    store: Path | None = None,
) -> Provider:
    """``root`` is the folder of the data set, ``durations`` gives the lengths that it
    knows."""
    features = _resolved(features, root)
    return provider(
        features.extractor,
        Store(store),
        features.rate_hz,
        centred=features.centred,
        words_name=features.words,
        root=root,
        durations=durations,
    )


def durations_of(experiment: Experiment) -> Callable[[], Mapping[str, float]]:
    """The lengths that the annotations know; none where they cannot be read."""

    @cache
    def known() -> Mapping[str, float]:
        try:
            return open_dataset(experiment).durations_s
        except InputError:
            return {}

    return known


def open_splits(
    experiment: Experiment,
    names: Sequence[str],
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    *,
    most: int | None = None,
) -> dict[str, Split]:
    """With ``most``, of so many videos of each at most."""
    # A name that cannot be used is told before films are made.
    library = open_library(experiment, store, lambda: dataset.durations_s)
    dataset = open_dataset(experiment, shows)
    found = {}
    for name in names:
        with shows(f"features of {name}") as progress:
            found[name] = prepare(dataset, name, library, progress, most=most)
    return found
