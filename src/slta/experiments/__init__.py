"""Experiments: each is a frozen configuration in a file that says how to run it."""

from difflib import get_close_matches

from slta.errors import InputError
from slta.experiments import (
    composites,
    own,
    paper,
    paper_models,
    shapes_ablations,
    shapes_detr,
    shapes_models,
    shapes_slta,
    shapes_slta_small,
    shapes_tan2d,
)
from slta.experiments.config import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    "shapes_slta": shapes_slta.EXPERIMENT,
    "shapes_slta_small": shapes_slta_small.EXPERIMENT,
    **shapes_ablations.EXPERIMENTS,
    **shapes_models.EXPERIMENTS,
    "shapes_tan2d": shapes_tan2d.EXPERIMENT,
    **shapes_detr.EXPERIMENTS,
    "own": own.EXPERIMENT,
    **composites.EXPERIMENTS,
    **paper.EXPERIMENTS,
    **paper_models.EXPERIMENTS,
}


def known() -> str:
    """All names, those of one data set together: ``shapes_{slta, ctrl}``."""
    said, data = [*EXPERIMENTS], ("shapes", "composites", *paper_models.DATA)
    for each in data:
        mine = [name for name in said if name.startswith(f"{each}_")]
        models = ", ".join(name.removeprefix(f"{each}_") for name in mine)
        said[said.index(mine[0])] = f"{each}_{{{models}}}"
        said = [name for name in said if name not in mine]
    return ", ".join(said)


def experiment(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        near = get_close_matches(name, EXPERIMENTS, n=1)
        raise InputError(
            f"unknown experiment {name!r}; "
            + (f"did you mean {near[0]!r}? " if near else "")
            + f"known are {known()}"
        )
    return EXPERIMENTS[name]
