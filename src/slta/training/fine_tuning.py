"""Fine-tuning: training from the weights of another run."""

import hashlib
from pathlib import Path
from typing import Any

from slta.errors import InputError
from slta.experiments.config import Experiment
from slta.experiments.opening import open_library
from slta.models.base import Model
from slta.runs.run import About, Run


def check_start(start: Run, experiment: Experiment, store: Path | None) -> None:
    """Raises ``InputError`` for a run of another model, or of other features or words."""
    theirs, ours = start.experiment.model.name, experiment.model.name
    if theirs != ours:
        raise InputError(
            f"--from {start.folder} is a run of the model {theirs}, not {ours}; give a "
            f"run of {ours}, or train {theirs}"
        )
    _, about = start.load()
    about.check(open_library(experiment, store), start.weights)


def described(start: Run) -> dict[str, Any]:
    """The entry of a run's config.json about the run that it starts from."""
    digest = hashlib.sha256(start.weights.read_bytes()).hexdigest()
    return {"run": str(start.folder.resolve()), "sha256": digest}


def start_from(facts: dict[str, Any], model: Model, about: About) -> None:
    """Loads the weights of another run, with its feature statistics, into a new model.

    Raises ``InputError`` if they are missing, have changed or do not fit.
    """
    start = Run.open(Path(facts["run"]))
    theirs, of = start.load()
    if described(start)["sha256"] != facts["sha256"]:
        raise InputError(
            f"{start.weights}, from which this run starts, has changed; start a new run"
        )
    if of.sizes != about.sizes:
        raise InputError(
            f"--from {start.folder} was trained with vectors of {tuple(of.sizes)} numbers "
            f"(region, frame, word, sentence), not {tuple(about.sizes)}; give features of "
            "the same kind"
        )
    loaded, expected = theirs.state_dict(), model.state_dict()
    differ = [
        name
        for name in loaded.keys() | expected.keys()
        if name not in loaded
        or name not in expected
        or loaded[name].shape != expected[name].shape
    ]
    if differ:
        raise InputError(
            f"--from {start.folder} has a model of other sizes ({sorted(differ)[0]}); "
            f"give its sizes with --config {start.folder / 'config.json'}"
        )
    model.load_state_dict(loaded)
