"""The plan of a comparison: what it trains, and the finished runs that it includes."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from slta.errors import InputError
from slta.evaluation.protocols import PROTOCOLS
from slta.experiments import ALIASES, experiment, known_data, protocol_of, titled
from slta.experiments.config import Experiment
from slta.experiments.opening import root_of, with_root
from slta.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class Plan:
    experiments: tuple[str, ...]
    """Names of the rows: experiments, or rows of ``finished``. The first is the reference
    that the others are compared with."""
    models: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Model and data set of the experiments that ``titled`` does not know."""
    finished: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    """Rows of finished runs, one per seed; they are not trained."""
    runs: Path
    """Folder for the runs that are trained."""
    seeds: tuple[int, ...] = (0, 1, 2)
    learning_rates: tuple[float, ...] = ()
    """Candidates for selection on val; default: the experiment's own."""
    steps: tuple[int, ...] = ()
    """Candidates for selection on val; default: the experiment's own."""
    root: str | None = None
    """Folder of the data set; None for synthetic ones."""
    extractor: str | None = None
    """Replaces the experiments' extractor."""
    words: str | None = None
    """Replaces the experiments' word vectors."""
    store: Path | None = None
    processes: int = 1
    selection_seeds: int = 1
    """Number of seeds, from the first, averaged when selecting hyper-parameters."""
    protocol: str | None = None
    """Default: the data set's own."""

    def __post_init__(self) -> None:
        if not self.seeds:
            raise InputError("give at least one seed")
        if not 1 <= self.selection_seeds <= len(self.seeds):
            raise InputError(
                f"--selection-seeds must be at least 1 and at most {len(self.seeds)}, "
                f"the number of seeds, got {self.selection_seeds}"
            )
        if self.protocol is not None and self.protocol not in PROTOCOLS:
            raise InputError(
                f"unknown protocol {self.protocol!r}; it is one of {', '.join(PROTOCOLS)}"
            )

    @property
    def trained(self) -> list[str]:
        return [name for name in self.experiments if name not in self.finished]

    @property
    def reference(self) -> Experiment:
        """Experiment of the row that the others are compared with."""
        name = self.experiments[0]
        if name in self.finished:
            return self.finished[name][0].experiment
        return next(j for j in self.jobs(self.seeds[0])).experiment(self)

    @property
    def data(self) -> str:
        """The name of the data set, as ``--on`` takes it."""
        name = self.experiments[0]
        run = self.finished.get(name, (None,))[0]
        return data_name(self.reference, run.name if run else name)

    @property
    def measured_by(self) -> str:
        """The protocol."""
        return self.protocol or protocol_of(self.reference)

    def experiment(self, name: str) -> Experiment:
        """The experiment with its own hyper-parameters. Raises ``InputError`` for an unknown
        name."""
        pair = self.models.get(name)
        own = titled(name) if pair is None else experiment(*pair)
        features = own.features
        if self.extractor is not None:
            features = replace(features, extractor=self.extractor)
        if self.words is not None:
            features = replace(features, words=self.words)
        return with_root(name, replace(own, features=features), self.root)

    @property
    def first(self) -> list["Job"]:
        """Jobs of the selection seeds."""
        seeds = self.seeds[: self.selection_seeds]
        return [job for seed in seeds for job in self.jobs(seed)]

    def others(self, best: Iterable["Job"]) -> list["Job"]:
        """Jobs of the other seeds, with the hyper-parameters of ``best``."""
        return [
            replace(job, seed=seed)
            for seed in self.seeds[self.selection_seeds :]
            for job in best
        ]

    def jobs(self, seed: int) -> list["Job"]:
        """Every point of every trained experiment's grid."""
        return [
            Job(name, *point, seed)
            for name in self.trained
            for point in _grid(self, name)
        ]


@dataclass(frozen=True)
class Job:
    """One run to train."""

    name: str
    learning_rate: float
    steps: int
    seed: int

    @classmethod
    def usual(cls, name: str, seed: int) -> "Job":
        """With the experiment's own hyper-parameters. Raises ``InputError`` for an unknown
        name."""
        training = titled(name).training
        return cls(name, training.learning_rate, training.steps, seed)

    def experiment(self, plan: Plan) -> Experiment:
        """Raises ``InputError`` for an unknown name."""
        own = plan.experiment(self.name)
        training = replace(
            own.training,
            learning_rate=self.learning_rate,
            steps=self.steps,
            evaluate_every=min(self.steps, own.training.evaluate_every),
            seed=self.seed,
            threads=1,
        )
        return replace(own, training=training)

    def run(self, plan: Plan) -> Run:
        folder = f"{self.name}-{self.learning_rate:g}-{self.steps}-{self.seed}"
        root = None if plan.root is None else Path(plan.root)
        return Run(plan.runs / folder, root, plan.extractor, plan.words)


def default_processes() -> int:
    """One process per core, or one on a GPU, which processes would share by turns."""
    return 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))


def without_root(experiment: Experiment) -> Any:
    """Configuration of the data set, without its folder."""
    dataset: Any = experiment.dataset
    return dataset if root_of(experiment) is None else replace(dataset, root="")


def data_name(experiment: Experiment, called: str) -> str:
    """The name of the data set, as ``--on`` takes it, of an experiment with the title
    ``called``; the title decides between data sets of the same format."""
    wanted = without_root(experiment)
    names = [
        name
        for name, offer in known_data().items()
        if type(offer.dataset) is type(wanted)
        and without_root(replace(experiment, dataset=offer.dataset)) == wanted
    ]
    aliased = ALIASES.get(called, ("", ""))[1]
    own = experiment.dataset.name
    for name in (aliased, *sorted(names, key=len, reverse=True)):
        if name in names and (name == aliased or called.startswith(f"{name}_")):
            return name
    return next(iter(names), own) if own not in names else own


def hyper_parameters(training: Any) -> dict[str, Any]:
    """The hyper-parameters that a grid varies, of a job or a training configuration."""
    return {"learning_rate": training.learning_rate, "steps": training.steps}


def _grid(plan: Plan, name: str) -> list[tuple[float, int]]:
    own = plan.experiment(name).training
    return list(
        product(plan.learning_rates or (own.learning_rate,), plan.steps or (own.steps,))
    )
