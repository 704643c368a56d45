"""Opens an experiment's data set and features, making what is missing."""

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
from slta.features import pinned, provider
from slta.features.provider import Provider
from slta.features.store import Store
from slta.progress import ProgressFactory, no_progress

PREEXTRACTED, FROM_VIDEOS = "preextracted", "cells"
"""Extractors that ``auto`` selects."""


def open_dataset(
    experiment: Experiment, shows: ProgressFactory = no_progress
) -> Dataset:
    config = experiment.dataset
    if type(config) not in DATASETS:
        return _opener(config)(config)
    with shows("making the videos") as progress:
        return DATASETS[type(config)](config, progress)


def _opener(config: Any) -> Callable[[Any], Dataset]:
    """The function that opens an installed package's data set."""
    for offer in known_data().values():
        if type(offer.dataset) is type(config) and offer.open is not None:
            return offer.open
    raise InputError(
        f"the data set {config.name} is not of an installed package; install its package"
    )


def root_of(experiment: Experiment) -> Path | None:
    """The folder of the data set; None for a synthetic one."""
    root = getattr(experiment.dataset, "root", None)
    return None if root is None else Path(root)


def with_root(name: str, experiment: Experiment, root: str | Path | None) -> Experiment:
    """The experiment with the data set in ``root``, if given.

    Raises ``InputError`` for a synthetic data set.
    """
    if root is None:
        return experiment
    dataset: Any = experiment.dataset
    if not hasattr(dataset, "root"):
        raise InputError(
            f"the data set of {name} is synthetic and has no folder; leave --root out"
        )
    return replace(experiment, dataset=replace(dataset, root=str(root)))


def resolve_extractor(experiment: Experiment) -> Experiment:
    """The experiment with ``auto`` replaced: by pre-extracted features, if the data set's
    folder has them and no videos, and else by the default extractor. The name of weights
    from the hub gets their commit."""
    features = _resolved(experiment.features, root_of(experiment))
    features = replace(features, extractor=pinned(features.extractor))
    return replace(experiment, features=features)


def _resolved(features: FeaturesConfig, root: Path | None) -> FeaturesConfig:
    if features.extractor != AUTOMATIC:
        return features
    name = FROM_VIDEOS
    if root and (root / "features").is_dir() and not (root / "videos").exists():
        name = PREEXTRACTED
    return replace(features, extractor=name)


def open_library(
    experiment: Experiment,
    store: Path | None = None,
    durations: Callable[[], Mapping[str, float]] | None = None,
) -> Provider:
    """The provider of an experiment's features; ``durations`` as in ``library_of``."""
    known = durations or durations_of(experiment)
    return library_of(experiment.features, root_of(experiment), known, store)


def library_of(
    features: FeaturesConfig,
    root: Path | None,
    durations: Callable[[], Mapping[str, float]],
    store: Path | None = None,
) -> Provider:
    """The provider of features; ``root`` is the folder of the data set, ``durations`` gives
    the lengths in its annotations."""
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
    """Lengths in the annotations; none if they cannot be read."""

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
    """Splits with their features; ``most`` limits the videos of each split."""
    # First, so that unusable names are reported before videos are made.
    library = open_library(experiment, store, lambda: dataset.durations_s)
    dataset = open_dataset(experiment, shows)
    found = {}
    for name in names:
        with shows(f"features of {name}") as progress:
            found[name] = prepare(dataset, name, library, progress, most=most)
    return found
