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

    ``model`` is a name (``slta list models``), ``"my_file.py:MyModel"``, or a class; ``on``
    the name of a data set (``slta list data``), and ``root`` its folder. ``config`` overrides
    defaults, such as ``{"training": {"steps": 100}}``; it is a mapping, or a JSON file such
    as a run's config.json. ``out`` is the new folder of the run (default:
    ``runs/DATA_MODEL-DATE-TIME``), ``start`` a run to start from (fine-tuning), ``store`` the
    folder of the feature store, and ``progress`` opens progress bars.

    Raises ``InputError`` for unusable data or settings, and if the training diverges.
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
    """The experiment with the data set in ``root``. Raises ``InputError`` if it is missing."""
    moved = with_root(title, experiment, root)
    if (folder := root_of(moved)) is not None:
        check_root(folder)
    return moved


def new_folder(title: str) -> Path:
    """The default folder of a run that starts now."""
    return Path("runs") / f"{title}-{datetime.now():%Y%m%d-%H%M%S}"
