"""Training from Python: ``slta.train``."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from slta.experiments.composing import composed
from slta.experiments.config import Experiment
from slta.experiments.opening import root_of, with_root
from slta.files import check_root
from slta.models import Builder
from slta.progress import ProgressFactory, no_progress
from slta.runs.run import Run
from slta.training import train as training


def train(
    model: str | Builder | None = None,
    *,
    on: str | None = None,
    root: str | Path | None = None,
    config: str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    start: str | Path | None = None,
    store: str | Path | None = None,
    progress: ProgressFactory | None = None,
) -> Run:
    """Trains a model on a data set, tests it once, and returns the run.

    The model is a name (``slta list models``), ``"my_file.py:MyModel"``, or a class; ``on``
    is the name of a data set (``slta list data``), whose files are in ``root``. ``config``
    says what differs from their defaults, as ``{"training": {"steps": 100}}``: a mapping,
    or a JSON file such as a run's config.json. ``out`` is the new folder of the run,
    ``runs/DATA_MODEL-DATE-TIME`` if none is given; ``start`` is a run from whose weights it
    starts; ``store`` is where features are kept. ``progress`` opens a bar for what it is
    told.

    Raises ``InputError`` where the training cannot begin, or if it diverges.
    """
    path = Path(config) if isinstance(config, str) else config
    title, experiment = composed(model, on, path)
    return training.train(
        title,
        rooted(title, experiment, root),
        new_folder(title) if out is None else Path(out),
        start=None if start is None else Path(start),
        store=None if store is None else Path(store),
        shows=progress or no_progress,
    )


def rooted(title: str, experiment: Experiment, root: str | Path | None) -> Experiment:
    """Raises ``InputError`` for a data set in a folder that is not there."""
    found = with_root(title, experiment, root)
    if (place := root_of(found)) is not None:
        check_root(place)
    return found


def new_folder(title: str) -> Path:
    """Of a run that is called so and begins now."""
    return Path("runs") / f"{title}-{datetime.now():%Y%m%d-%H%M%S}"
