"""Training that starts from the weights of another run."""

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
            f"--from {start.folder} is a run of the model {theirs}, not {ours}; name a "
            f"run of {ours}, or train {theirs}"
        )
    _, about = start.load()
    about.check(open_library(experiment, store), start.weights)


def described(start: Run) -> dict[str, Any]:
    """What a run's config.json says of the run that it starts from."""
    digest = hashlib.sha256(start.weights.read_bytes()).hexdigest()
    return {"run": str(start.folder.resolve()), "sha256": digest}


def start_from(facts: dict[str, Any], model: Model, about: About) -> None:
    """Gives a new model the weights, and the scale of the features, of another run.

    Raises ``InputError`` where they are gone or have changed, or do not fit.
    """
    start = Run.open(Path(facts["run"]))
    theirs, of = start.load()
    if described(start)["sha256"] != facts["sha256"]:
        raise InputError(
            f"{start.weights}, from which this run starts, has changed; train anew"
        )
    if of.sizes != about.sizes:
        raise InputError(
            f"--from {start.folder} was trained with vectors of {tuple(of.sizes)} numbers "
            f"(region, frame, word, sentence), not {tuple(about.sizes)}; give features of "
            "the same kind"
        )
    found, wanted = theirs.state_dict(), model.state_dict()
    differ = [
        name
        for name in found.keys() | wanted.keys()
        if name not in found
        or name not in wanted
        or found[name].shape != wanted[name].shape
    ]
    if differ:
        raise InputError(
            f"--from {start.folder} has a model of other sizes ({sorted(differ)[0]}); "
            f"give its sizes with --config {start.folder / 'config.json'}"
        )
    model.load_state_dict(found)
