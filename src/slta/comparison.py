"""Many models and seeds on one data set: trained, measured alike, in one table.

Each gets the same small grid of learning rates and steps; the first seeds, one if no more
are asked for, choose among them on val, and the others are trained with what those chose.
A run that is finished or diverged is not made again, one that was stopped goes on. An
experiment of which a run that counts diverged is named and left out.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from slta.checkpoints import Run
from slta.compared import summary
from slta.config import Experiment
from slta.errors import InputError
from slta.experiments import experiment
from slta.features.sentences import Progress
from slta.learning import WATCHED, best_of
from slta.preparation import (
    Shows,
    open_dataset,
    open_splits,
    quietly,
    root_of,
    rooted,
    settled,
)


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
        training = experiment(name).training
        return cls(name, training.learning_rate, training.steps, seed)

    def experiment(self, plan: Plan) -> Experiment:
        """Raises ``InputError`` for an unknown name."""
        own = experiment(self.name)
        training = replace(
            own.training,
            learning_rate=self.learning_rate,
            steps=self.steps,
            evaluate_every=min(self.steps, own.training.evaluate_every),
            seed=self.seed,
            threads=1,
        )
        return rooted(self.name, replace(own, training=training), plan.root)

    def run(self, plan: Plan) -> Run:
        told = f"{self.name}-{self.learning_rate:g}-{self.steps}-{self.seed}"
        return Run(plan.runs / told, None if plan.root is None else Path(plan.root))


def at_a_time() -> int:
    """Runs that do not keep one another waiting: one a core, but one alone on a GPU, which
    many processes share by turns."""
    return 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))


def prepare(plan: Plan, shows: Shows = quietly) -> None:
    """Makes what is not there of the films and features, once for all trainings.

    Raises ``InputError`` for what cannot be compared or looked at.
    """
    first = plan.first
    _check_one_data_set(plan, first)
    held = settled(first[0].experiment(plan))
    splits = "train", "val", *open_dataset(held, shows).tested
    open_splits(held, splits, plan.store, shows)


def compare(plan: Plan, progress: Progress | None = None) -> dict[str, Any]:
    """Trains what is missing, then measures all. ``progress`` is told the runs done and
    the runs in all."""
    first = plan.first
    _check_one_data_set(plan, first)
    later = len(plan.experiments) * (len(plan.seeds) - plan.choosing)
    total = float(len(first) + later)

    def tell(done: float, _: float) -> None:
        if progress:
            progress(done, total)

    train(plan, first, tell)
    others = plan.others(chosen(plan).values())
    train(plan, others, lambda done, _: tell(len(first) + done, total))
    return so_far(plan)


def so_far(plan: Plan) -> dict[str, Any]:
    """Measures what is trained: the experiments of which the seeds that choose have seen
    every setting, each with the seeds that it has."""
    first = plan.first
    waiting = {job.name for job in first if not _is_over(job.run(plan))}
    best = {n: job for n, job in chosen(plan).items() if n not in waiting}
    if (held := plan.experiments[0]) in waiting:
        raise InputError(
            f"{held}, which the others are held against, is not trained yet; train it "
            "first"
        )
    if held not in best:
        raise InputError(
            f"{held}, which the others are held against, diverged; give a lower "
            "--learning-rates"
        )
    runs = {
        name: [
            run
            for seed in plan.seeds
            if (run := replace(job, seed=seed).run(plan)).is_finished
        ]
        for name, job in best.items()
    }
    settings = {
        name: {
            **_settings(job),
            "tried": [
                {**_settings(each), "val": val}
                for each in plan.jobs(plan.seeds[0])
                if each.name == name and (val := _val_of(plan, each)) is not None
            ],
        }
        for name, job in best.items()
    }
    diverged = [
        {"experiment": job.name, **_settings(job), "seed": job.seed, **told}
        for job in (*first, *plan.others(best.values()))
        if (told := has_diverged(job.run(plan)))
    ]
    found = summary(runs, settings, plan.store)
    return {**found, "choosing": plan.choosing, "diverged": diverged}


def _check_one_data_set(plan: Plan, jobs: Sequence[Job]) -> None:
    """Raises ``InputError`` before anything is trained in vain."""
    held = settled(jobs[0].experiment(plan))
    for job in jobs:
        found = settled(job.experiment(plan))
        for what, mine, other in (
            ("data", found.dataset, held.dataset),
            ("features", found.features, held.features),
        ):
            if mine != other:
                raise InputError(
                    f"{jobs[0].name} and {job.name} have other {what}; compare "
                    "experiments on the same"
                )
    if root_of(held):
        dataset = open_dataset(held)
        if not dataset.tested:
            raise InputError(
                f"{dataset.folder} has no split to compare models on but train and val; "
                "add test.jsonl with true spans"
            )


def chosen(plan: Plan) -> dict[str, Job]:
    """What of every experiment is best on val with the seeds that choose, of what is
    finished."""
    tried = {job: _val_of(plan, job) for job in plan.jobs(plan.seeds[0])}
    known = {job: val for job, val in tried.items() if val is not None}
    return {
        name: max((job for job in known if job.name == name), key=known.__getitem__)
        for name in plan.experiments
        if any(job.name == name for job in known)
    }


def _val_of(plan: Plan, job: Job) -> float | None:
    """The best on val of a setting, the mean of the seeds that choose; None where one of
    them is not finished."""
    runs = [replace(job, seed=seed).run(plan) for seed in plan.seeds[: plan.choosing]]
    if not all(run.is_finished for run in runs):
        return None
    return fmean(_on_val(run) for run in runs)


def _grid(plan: Plan, name: str) -> list[tuple[float, int]]:
    own = experiment(name).training
    return list(
        product(plan.learning_rates or (own.learning_rate,), plan.steps or (own.steps,))
    )


def _settings(job: Job) -> dict[str, Any]:
    return {"learning_rate": job.learning_rate, "steps": job.steps}


def _on_val(run: Run) -> float:
    """The best on val, by which the weights were chosen."""
    return float(best_of(run.read("history")["evaluations"])[WATCHED])


def train(plan: Plan, jobs: Sequence[Job], progress: Progress | None = None) -> None:
    """Trains what is not finished, as many at a time as there may be processes, each
    with one thread."""
    running: set[subprocess.Popen[bytes]] = set()
    with ThreadPoolExecutor(plan.processes) as pool:
        waiting = {pool.submit(_one, plan, job, running) for job in jobs}
        try:
            while True:
                if progress:
                    progress(float(len(jobs) - len(waiting)), float(len(jobs)))
                if not waiting:
                    return
                finished, waiting = wait(waiting, timeout=1)
                for future in finished:
                    future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in [*running]:
                # A script's background processes are deaf to SIGINT.
                process.terminate()
            raise


def _is_over(run: Run) -> bool:
    return run.is_finished or has_diverged(run) is not None


def has_diverged(run: Run) -> dict[str, Any] | None:
    """The batch at which the loss was no number, and the best on val until then."""
    if run.is_finished or not (run.folder / "diverged.json").exists():
        return None
    evaluated = (run.folder / "history.json").exists()
    return {**run.read("diverged"), "val": _on_val(run) if evaluated else None}


def _one(plan: Plan, job: Job, running: set["subprocess.Popen[bytes]"]) -> None:
    run, wanted = job.run(plan), job.experiment(plan)
    words = [sys.executable, "-m", "slta.cli", "train"]
    if (run.folder / "config.json").exists():
        _check_same(run, wanted)
        if run.is_finished or has_diverged(run):
            return
        words += ["--resume", str(run.folder)]
        if plan.root is not None:
            words += ["--root", plan.root]
    else:
        # Every field, as text that the command reads again.
        words += [job.name, "--out", str(run.folder)]
        words += ["--training.learning-rate", repr(job.learning_rate)]
        words += ["--training.steps", str(job.steps), "--training.seed", str(job.seed)]
        words += ["--training.evaluate-every", str(wanted.training.evaluate_every)]
        words += ["--training.threads", "1"]
        if plan.root is not None:
            words += ["--dataset.root", plan.root]
    if plan.store is not None:
        words += ["--store", str(plan.store)]
    log = run.folder.with_name(run.folder.name + ".log")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("a")
    except OSError as error:
        raise InputError(
            f"{log} cannot be written ({error.strerror or error}); name another folder "
            "for the runs with --runs"
        ) from error
    with file:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        running.add(process)
        code = process.wait()
        running.discard(process)
    if code and not has_diverged(run):
        lines = log.read_text(errors="replace").strip().splitlines()
        why = lines[-1].removeprefix("slta: ") if lines else "it said nothing"
        why = why if code > 0 else f"the system stopped it with signal {-code}"
        raise InputError(f"training {run.folder} failed: {why} (all of it is in {log})")


def _check_same(run: Run, wanted: Experiment) -> None:
    """Raises ``InputError`` for a run that is another than the one that is wanted."""
    if root_of(Run(run.folder).experiment) != root_of(wanted):
        _check_same_data(run, wanted)
    found = run.experiment
    # Its extractor is the one that was chosen for it.
    features = replace(wanted.features, extractor=found.features.extractor)
    if found != replace(wanted, features=features):
        raise InputError(
            f"{run.folder} was trained with other settings than {run.name} has now; "
            "remove it, or name another folder with --runs"
        )


def _check_same_data(run: Run, wanted: Experiment) -> None:
    """A folder that was moved is the same only if what lies in it is."""
    if not (run.folder / "provenance.json").exists():
        return
    ours = open_dataset(wanted).digest
    theirs = run.read("provenance").get("data", ours)
    if theirs != ours:
        raise InputError(
            f"{run.folder} was trained with other data (SHA-256 {theirs[:12]}) than "
            f"{root_of(wanted)} has ({ours[:12]}); remove it, or name another folder "
            "with --runs"
        )
