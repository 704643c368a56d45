"""What is to be trained for a comparison."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from slta.errors import InputError
from slta.experiments import titled
from slta.experiments.config import Experiment
from slta.experiments.opening import with_root
from slta.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class Plan:
    experiments: tuple[str, ...]
    """The first is what the others are held against."""
    runs: Path
    """Folder of the runs."""
    seeds: tuple[int, ...] = (0, 1, 2)
    learning_rates: tuple[float, ...] = ()
    """To choose from on val; without any, the experiment's own."""
    steps: tuple[int, ...] = ()
    """To choose from on val; without any, the experiment's own."""
    root: str | None = None
    """Folder of the data set, for those that have one."""
    store: Path | None = None
    processes: int = 1
    choosing: int = 1
    """How many of the seeds, the first ones, choose among the settings by their mean."""

    def __post_init__(self) -> None:
        if not self.seeds:
            raise InputError("give at least one seed")
        if not 1 <= self.choosing <= len(self.seeds):
            raise InputError(
                f"choosing must be at least 1 and at most {len(self.seeds)}, the number "
                f"of seeds, got {self.choosing}"
            )

    @property
    def first(self) -> list["Job"]:
        """Those that choose among the settings."""
        return [job for seed in self.seeds[: self.choosing] for job in self.jobs(seed)]

    def others(self, best: Iterable["Job"]) -> list["Job"]:
        """Those of the other seeds, with the settings of ``best``."""
        return [
            replace(job, seed=seed)
            for seed in self.seeds[self.choosing :]
            for job in best
        ]

    def jobs(self, seed: int) -> list["Job"]:
        """Every experiment with every setting."""
        return [
            Job(name, *point, seed)
            for name in self.experiments
            for point in _grid(self, name)
        ]


@dataclass(frozen=True)
class Job:
    """One run."""

    name: str
    learning_rate: float
    steps: int
    seed: int

    @classmethod
    def usual(cls, name: str, seed: int) -> "Job":
        """With the settings of the experiment. Raises ``InputError`` for an unknown name."""
        training = titled(name).training
        return cls(name, training.learning_rate, training.steps, seed)

    def experiment(self, plan: Plan) -> Experiment:
        """Raises ``InputError`` for an unknown name."""
        own = titled(self.name)
        training = replace(
            own.training,
            learning_rate=self.learning_rate,
            steps=self.steps,
            evaluate_every=min(self.steps, own.training.evaluate_every),
            seed=self.seed,
            threads=1,
        )
        return with_root(self.name, replace(own, training=training), plan.root)

    def run(self, plan: Plan) -> Run:
        told = f"{self.name}-{self.learning_rate:g}-{self.steps}-{self.seed}"
        return Run(plan.runs / told, None if plan.root is None else Path(plan.root))


def default_processes() -> int:
    """Runs that do not keep one another waiting: one a core, but one alone on a GPU, which
    many processes share by turns."""
    return 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))


def _grid(plan: Plan, name: str) -> list[tuple[float, int]]:
    own = titled(name).training
    return list(
        product(plan.learning_rates or (own.learning_rate,), plan.steps or (own.steps,))
    )


def _settings(job: Job) -> dict[str, Any]:
    return {"learning_rate": job.learning_rate, "steps": job.steps}
