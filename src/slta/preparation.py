"""An experiment's data, made where it is not there: films, features, sentences."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from slta.config import Experiment
from slta.datasets import DATASETS
from slta.datasets.base import Dataset
from slta.datasets.split import Split, prepare
from slta.features import extractor, words
from slta.features.library import Library
from slta.features.sentences import Progress
from slta.features.store import Store

Shows = Callable[[str], AbstractContextManager[Progress | None]]
"""Opens a bar of progress for what it is told."""


@contextmanager
def quietly(_: str) -> Iterator[None]:
    """Shows nothing."""
    yield None


def open_dataset(experiment: Experiment, shows: Shows = quietly) -> Dataset:
    with shows("making the films") as progress:
        return DATASETS[type(experiment.dataset)](experiment.dataset, progress)


def open_library(experiment: Experiment, store: Path | None = None) -> Library:
    features, place = experiment.features, Store(store)
    return Library(
        extractor(features.extractor),
        place,
        features.rate_hz,
        features.centred,
        words(features.words, place),
    )


def open_splits(
    experiment: Experiment,
    names: Sequence[str],
    store: Path | None = None,
    shows: Shows = quietly,
) -> dict[str, Split]:
    library = open_library(experiment, store)
    dataset = open_dataset(experiment, shows)
    found = {}
    for name in names:
        with shows(f"features of {name}") as progress:
            found[name] = prepare(dataset, name, library, progress)
    return found
