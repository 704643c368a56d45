"""Trains and evaluates several models and seeds on one data set, for one table.

Every model gets the same small grid of learning rates and steps. The first
``selection_seeds`` seeds select a point of it on val; the other seeds are trained at that
point. Finished and diverged runs are not trained again, interrupted ones resume; finished
runs from elsewhere are evaluated as they are. An experiment whose selection diverged is
reported and left out.
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
    """Makes missing videos and features, once for all runs.

    Raises ``InputError`` for models or runs that cannot be compared.
    """
    check_experiments(plan)
    check_data(plan, shows)


def compare(plan: Plan, progress: Progress | None = None) -> dict[str, Any]:
    """Trains missing runs, then evaluates all. ``progress`` gets the numbers of runs done
    and in all."""
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
    """Evaluates the experiments whose hyper-parameters are selected, each with its finished
    seeds."""
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
    names = labels(plan)
    facts = {
        name: {"label": names[name], **_selection(plan, name, best)} for name in runs
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
    comparison = summary(
        runs,
        facts,
        plan.store,
        protocol=plan.measured_by,
        finished=[*plan.finished],
    )
    return {**comparison, "choosing": plan.selection_seeds, "diverged": diverged}


def _selection(plan: Plan, name: str, best: dict[str, Job]) -> dict[str, Any]:
    """Hyper-parameters of a row, and the results on val of all that were tried."""
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
    """The finished point of each experiment's grid that is best on val, by the selection
    seeds."""
    tried = {job: _val_of(plan, job) for job in plan.jobs(plan.seeds[0])}
    vals = {job: val for job, val in tried.items() if val is not None}
    return {
        name: max((job for job in vals if job.name == name), key=vals.__getitem__)
        for name in plan.trained
        if any(job.name == name for job in vals)
    }


def _val_of(plan: Plan, job: Job) -> float | None:
    """The best result on val of a point of the grid, averaged over the selection seeds;
    None if one of them is not finished."""
    seeds = plan.seeds[: plan.selection_seeds]
    runs = [replace(job, seed=seed).run(plan) for seed in seeds]
    if not all(run.is_finished for run in runs):
        return None
    return fmean(on_val(run) for run in runs)
