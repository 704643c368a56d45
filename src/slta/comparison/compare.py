"""Many models and seeds on one data set: trained, evaluated alike, in one table.

Each gets the same small grid of learning rates and steps; the first seeds, one unless more
are asked for, select among them on val, and the others are trained with what those
selected. A run that is finished or diverged is not made again, one that was stopped goes
on; finished runs from elsewhere are evaluated as they are. An experiment of which a run
that counts diverged is named and left out.
"""

from dataclasses import replace
from statistics import fmean
from typing import Any

from slta.comparison.checking import check_data, check_experiments
from slta.comparison.jobs import has_diverged, is_over, on_val, train
from slta.comparison.plan import Job, Plan, hyper_parameters
from slta.comparison.rows import labels
from slta.comparison.summary import summary
from slta.errors import InputError
from slta.progress import Progress, ProgressFactory, no_progress


def prepare(plan: Plan, shows: ProgressFactory = no_progress) -> None:
    """Makes what is not there of the films and features, once for all trainings.

    Raises ``InputError`` for what cannot be compared or looked at.
    """
    check_experiments(plan)
    check_data(plan, shows)


def compare(plan: Plan, progress: Progress | None = None) -> dict[str, Any]:
    """Trains what is missing, then evaluates all. ``progress`` is told the runs done and
    the runs in all."""
    check_experiments(plan)
    first = plan.first
    later = len(plan.trained) * (len(plan.seeds) - plan.selection_seeds)
    total = float(len(first) + later)

    def tell(done: float, _: float) -> None:
        if progress:
            progress(done, total)

    if first:
        train(plan, first, tell)
        others = plan.others(selected(plan).values())
        train(plan, others, lambda done, _: tell(len(first) + done, total))
    return so_far(plan)


def so_far(plan: Plan) -> dict[str, Any]:
    """Evaluates what is trained: the experiments of which the seeds that select have seen
    every point of the grid, each with the seeds that it has."""
    first = plan.first
    waiting = {job.name for job in first if not is_over(job.run(plan))}
    best = {n: job for n, job in selected(plan).items() if n not in waiting}
    reference = plan.experiments[0]
    if reference in waiting:
        raise InputError(
            f"{reference}, which the others are compared with, is not trained yet; "
            "train it first"
        )
    if reference not in {**best, **plan.finished}:
        raise InputError(
            f"{reference}, which the others are compared with, diverged; give a lower "
            "--learning-rates"
        )
    runs = {
        name: plan.finished[name]
        if name in plan.finished
        else [
            run
            for seed in plan.seeds
            if (run := replace(best[name], seed=seed).run(plan)).is_finished
        ]
        for name in plan.experiments
        if name in plan.finished or name in best
    }
    called = labels(plan)
    facts = {
        name: {"label": called[name], **_selection(plan, name, best)} for name in runs
    }
    diverged = [
        {
            "experiment": job.name,
            **hyper_parameters(job),
            "seed": job.seed,
            **gone,
        }
        for job in (*first, *plan.others(best.values()))
        if (gone := has_diverged(job.run(plan)))
    ]
    found = summary(
        runs,
        facts,
        plan.store,
        protocol=plan.measured_by,
        finished=[*plan.finished],
    )
    return {**found, "choosing": plan.selection_seeds, "diverged": diverged}


def _selection(plan: Plan, name: str, best: dict[str, Job]) -> dict[str, Any]:
    """The hyper-parameters of a row, and what val said of all that were tried."""
    if name in plan.finished:
        training = plan.finished[name][0].experiment.training
        return {**hyper_parameters(training), "tried": []}
    tried = [
        {**hyper_parameters(job), "val": val}
        for job in plan.jobs(plan.seeds[0])
        if job.name == name and (val := _val_of(plan, job)) is not None
    ]
    return {**hyper_parameters(best[name]), "tried": tried}


def selected(plan: Plan) -> dict[str, Job]:
    """What of every experiment is best on val with the seeds that select, of what is
    finished."""
    tried = {job: _val_of(plan, job) for job in plan.jobs(plan.seeds[0])}
    known = {job: val for job, val in tried.items() if val is not None}
    return {
        name: max((job for job in known if job.name == name), key=known.__getitem__)
        for name in plan.trained
        if any(job.name == name for job in known)
    }


def _val_of(plan: Plan, job: Job) -> float | None:
    """The best on val of a point of the grid, the mean of the seeds that select; None where
    one of them is not finished."""
    seeds = plan.seeds[: plan.selection_seeds]
    runs = [replace(job, seed=seed).run(plan) for seed in seeds]
    if not all(run.is_finished for run in runs):
        return None
    return fmean(on_val(run) for run in runs)
