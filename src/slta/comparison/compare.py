"""Many models and seeds on one data set: trained, measured alike, in one table.

Each gets the same small grid of learning rates and steps; the first seeds, one if no more
are asked for, choose among them on val, and the others are trained with what those chose.
A run that is finished or diverged is not made again, one that was stopped goes on. An
experiment of which a run that counts diverged is named and left out.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from slta.comparison.jobs import _is_over, _on_val, has_diverged, train
from slta.comparison.plan import Job, Plan, _settings
from slta.comparison.summary import summary
from slta.errors import InputError
from slta.experiments.opening import (
    open_dataset,
    open_splits,
    resolve_extractor,
    root_of,
)
from slta.progress import Progress, ProgressFactory, no_progress


def prepare(plan: Plan, shows: ProgressFactory = no_progress) -> None:
    """Makes what is not there of the films and features, once for all trainings.

    Raises ``InputError`` for what cannot be compared or looked at.
    """
    first = plan.first
    _check_one_data_set(plan, first)
    held = resolve_extractor(first[0].experiment(plan))
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
    held = resolve_extractor(jobs[0].experiment(plan))
    for job in jobs:
        found = resolve_extractor(job.experiment(plan))
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
