"""Trains the runs of a plan, each in its own process."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from slta.comparison.plan import Job, Plan
from slta.errors import InputError
from slta.experiments.config import Experiment
from slta.experiments.opening import open_dataset, root_of
from slta.extensions import is_file
from slta.progress import Progress
from slta.runs.run import Run
from slta.training.module import WATCHED, best_of


def on_val(run: Run) -> float:
    """The best result on val, by which the weights were selected."""
    return float(best_of(run.read("history")["evaluations"])[WATCHED])


def train(plan: Plan, jobs: Sequence[Job], progress: Progress | None = None) -> None:
    """Trains the jobs that are not finished, ``plan.processes`` at a time."""
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
                # Background processes of a script ignore SIGINT.
                process.terminate()
            raise


def is_over(run: Run) -> bool:
    return run.is_finished or has_diverged(run) is not None


def has_diverged(run: Run) -> dict[str, Any] | None:
    """The step at which the loss was not finite and the best result on val until then; None
    for a run that did not diverge."""
    if run.is_finished or not (run.folder / "diverged.json").exists():
        return None
    evaluated = (run.folder / "history.json").exists()
    return {**run.read("diverged"), "val": on_val(run) if evaluated else None}


def _one(plan: Plan, job: Job, running: set["subprocess.Popen[bytes]"]) -> None:
    run, wanted = job.run(plan), job.experiment(plan)
    if (run.folder / "config.json").exists():
        _check_same(run, wanted)
        if is_over(run):
            return
        words = _to_resume(plan, job, run)
    else:
        words = _to_train(plan, job, run, wanted)
    if plan.store is not None:
        words += ["--store", str(plan.store)]
    log = run.folder.with_name(run.folder.name + ".log")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("a")
    except OSError as error:
        raise InputError(
            f"{log} cannot be written ({error.strerror or error}); give another folder "
            "for the runs with --runs"
        ) from error
    with file:
        process = subprocess.Popen(
            [sys.executable, "-m", "slta.comparison.child", "train", *words],
            # The child ends with this process, which alone holds the other end.
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        running.add(process)
        code = process.wait()
        running.discard(process)
        assert process.stdin is not None
        process.stdin.close()
    if code and not has_diverged(run):
        lines = log.read_text(errors="replace").strip().splitlines()
        why = lines[-1].removeprefix("slta: ") if lines else "it printed nothing"
        why = why if code > 0 else f"the system stopped it with signal {-code}"
        raise InputError(f"training {run.folder} failed: {why} (the full log is {log})")


def _to_resume(plan: Plan, job: Job, run: Run) -> list[str]:
    words = ["--resume", str(run.folder)]
    model, _ = plan.models.get(job.name, ("", ""))
    moved = {
        "--root": plan.root,
        "--extractor": plan.extractor,
        "--words": plan.words,
        "--model": model if is_file(model) else None,
    }
    return words + _flags(moved)


def _to_train(plan: Plan, job: Job, run: Run, wanted: Experiment) -> list[str]:
    """Arguments of ``slta train`` for every field that differs from the experiment's."""
    model, on = plan.models.get(job.name, ("", ""))
    words = [model, "--on", on] if model else [job.name]
    training = wanted.training
    fields = {
        "--out": str(run.folder),
        "--training.learning-rate": repr(training.learning_rate),
        "--training.steps": str(training.steps),
        "--training.seed": str(training.seed),
        "--training.evaluate-every": str(training.evaluate_every),
        "--training.threads": str(training.threads),
        "--dataset.root": plan.root,
        "--features.extractor": plan.extractor,
        "--features.words": plan.words,
    }
    return words + _flags(fields)


def _flags(values: Mapping[str, str | None]) -> list[str]:
    return [w for k, v in values.items() if v is not None for w in (k, v)]


def _check_same(run: Run, wanted: Experiment) -> None:
    """Raises ``InputError`` if a run's configuration is not the wanted one."""
    if root_of(Run(run.folder).experiment) != root_of(wanted):
        _check_same_data(run, wanted)
    trained = run.experiment
    # A run's configuration has the extractor that was resolved when it was trained.
    features = replace(wanted.features, extractor=trained.features.extractor)
    if trained != replace(wanted, features=features):
        raise InputError(
            f"{run.folder} was trained with other hyper-parameters than {run.name} has "
            "now; remove it, or give another folder with --runs"
        )


def _check_same_data(run: Run, wanted: Experiment) -> None:
    """A data set's folder may have moved if its content is the same."""
    if not (run.folder / "provenance.json").exists():
        return
    ours = open_dataset(wanted).digest
    theirs = run.read("provenance").get("data", ours)
    if theirs != ours:
        raise InputError(
            f"{run.folder} was trained with other data (SHA-256 {theirs[:12]}) than "
            f"{root_of(wanted)} has ({ours[:12]}); remove it, or give another folder "
            "with --runs"
        )
