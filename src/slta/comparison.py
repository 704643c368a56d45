"""Many models and seeds on one data set: trained, measured alike, in one table.

Each gets the same small grid of learning rates and steps; the first seed chooses among
them on val, the other seeds are trained with what it chose. A run that is finished is
not made again, one that was stopped goes on.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta import provenance
from slta.checkpoints import Run
from slta.config import Experiment
from slta.errors import InputError
from slta.evaluation import SEED, measure, measured
from slta.experiments import experiment
from slta.features.sentences import Progress
from slta.learning import WATCHED
from slta.metrics import IOUS, bootstrap, named
from slta.predictions import Prediction, read
from slta.preparation import open_splits
from slta.scoring import predict

PROTOCOL = "ctrl"
COLUMNS = (*(named(n, iou) for n in (1, 5) for iou in (0.3, 0.5, 0.7)), "mIoU")
LEARNT_FROM = 80
"""Videos of train of which the answers are measured, too."""
EXAMPLES = 3
"""Queries of test of which the answers are kept."""


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
        found = replace(own, training=training)
        if plan.root is None:
            return found
        if not hasattr(own.dataset, "root"):
            raise InputError(
                f"the data set of {self.name} is made and has no folder; leave --root out"
            )
        dataset: Any = own.dataset
        return replace(found, dataset=replace(dataset, root=plan.root))

    def run(self, plan: Plan) -> Run:
        told = f"{self.name}-{self.learning_rate:g}-{self.steps}-{self.seed}"
        return Run(plan.runs / told)


def compare(plan: Plan, progress: Progress | None = None) -> dict[str, Any]:
    """Trains what is missing, then measures all. ``progress`` is told the runs done and
    the runs in all."""
    if not plan.seeds:
        raise InputError("give at least one seed")
    names, first = plan.experiments, plan.jobs(plan.seeds[0])
    total = float(len(first) + len(names) * (len(plan.seeds) - 1))

    def tell(done: float, _: float) -> None:
        if progress:
            progress(done, total)

    train(plan, first, tell)
    best = chosen(plan)
    others = [
        replace(job, seed=seed) for seed in plan.seeds[1:] for job in best.values()
    ]
    train(plan, others, lambda done, _: tell(len(first) + done, total))
    jobs = {
        name: [replace(job, seed=seed) for seed in plan.seeds]
        for name, job in best.items()
    }
    tried = {
        name: [
            {**_settings(job), "val": _on_val(job.run(plan))}
            for job in first
            if job.name == name
        ]
        for name in names
    }
    return _summary(plan, jobs, tried)


def chosen(plan: Plan) -> dict[str, Job]:
    """What of every experiment is best on val with the first seed."""
    tried = plan.jobs(plan.seeds[0])
    return {
        name: max(
            (job for job in tried if job.name == name),
            key=lambda job: _on_val(job.run(plan)),
        )
        for name in plan.experiments
    }


def _grid(plan: Plan, name: str) -> list[tuple[float, int]]:
    own = experiment(name).training
    return list(
        product(plan.learning_rates or (own.learning_rate,), plan.steps or (own.steps,))
    )


def _settings(job: Job) -> dict[str, Any]:
    return {"learning_rate": job.learning_rate, "steps": job.steps}


def _on_val(run: Run) -> float:
    """The best on val, by which the weights were chosen."""
    return max(float(each[WATCHED]) for each in run.read("history")["evaluations"])


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
                process.send_signal(signal.SIGINT)
            raise


def is_finished(run: Run) -> bool:
    return (run.folder / "provenance.json").exists() and "seconds" in run.read(
        "provenance"
    )


def _one(plan: Plan, job: Job, running: set["subprocess.Popen[bytes]"]) -> None:
    run, wanted = job.run(plan), job.experiment(plan)
    words = [sys.executable, "-m", "slta.cli", "train"]
    if (run.folder / "config.json").exists():
        _check_same(run, wanted)
        if is_finished(run):
            return
        words += ["--resume", str(run.folder)]
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
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    log = run.folder.with_name(run.folder.name + ".log")
    with log.open("a") as file:
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
    if code:
        lines = log.read_text(errors="replace").strip().splitlines()
        why = lines[-1].removeprefix("slta: ") if lines else "it said nothing"
        raise InputError(f"training {run.folder} failed: {why} (all of it is in {log})")


def _check_same(run: Run, wanted: Experiment) -> None:
    found = run.experiment
    same = replace(found, features=wanted.features)
    if same != wanted:
        raise InputError(
            f"{run.folder} was trained with other settings than {run.name} has now; "
            "remove it, or name another folder with --runs"
        )


def _summary(
    plan: Plan,
    jobs: Mapping[str, Sequence[Job]],
    tried: Mapping[str, Sequence[dict[str, Any]]],
) -> dict[str, Any]:
    runs = {name: [job.run(plan) for job in mine] for name, mine in jobs.items()}
    made_by = _made_alike([run for mine in runs.values() for run in mine])
    first = next(iter(runs.values()))[0]
    splits = _tested(first)
    found: dict[str, Any] = {
        "protocol": PROTOCOL,
        "seeds": list(plan.seeds),
        "made_by": made_by,
        "machine": provenance.machine(),
        "splits": list(splits),
        "models": {},
    }
    for name, mine in runs.items():
        found["models"][name] = {
            "model": mine[0].experiment.model.name,
            **_settings(jobs[name][0]),
            "tried": list(tried[name]),
            "seconds": [run.read("provenance")["seconds"] for run in mine],
            "train": _on_train(mine[0], plan.store),
            **_cost(mine[0], splits[0], plan.store),
            **{
                split: numbers(mine, runs[plan.experiments[0]], split)
                for split in splits
            },
        }
    found["without video"] = {
        split: {
            kind: {name: answers[name] for name in COLUMNS}
            for kind, answers in measured(first, split, PROTOCOL, plan.store)[
                "answers"
            ].items()
            if kind != first.experiment.model.name
        }
        for split in splits
    }
    found["examples"] = _examples(runs, splits[0])
    return found


def _made_alike(runs: Sequence[Run]) -> dict[str, Any]:
    """Raises ``InputError`` where runs are of different programs, data or features."""
    facts = ("commit", "data", "extractor", "extractor_version", "words")
    seen: dict[str, Run] = {}
    for run in runs:
        made = run.read("provenance")
        seen.setdefault(json.dumps({name: made.get(name) for name in facts}), run)
    if len(seen) > 1:
        (one, a), (other, b) = list(seen.items())[:2]
        differ = [n for n in facts if json.loads(one)[n] != json.loads(other)[n]]
        told = " and ".join(
            f"{each.folder} has {each.read('provenance').get(differ[0])}"
            for each in (a, b)
        )
        raise InputError(
            f"runs of another {differ[0].replace('_', ' ')} do not belong into one "
            f"table: {told}; remove the older one, or name another folder with --runs"
        )
    found: dict[str, Any] = json.loads(next(iter(seen)))
    return found


def _tested(run: Run) -> list[str]:
    return sorted(path.stem for path in (run.folder / "predictions").glob("*.jsonl"))


def _cost(run: Run, split: str, store: Path | None) -> dict[str, Any]:
    """Numbers that were learnt, and milliseconds to answer a query of a video whose
    features are at hand, as all queries of a video are asked together."""
    model, _ = run.load()
    prepared = open_splits(run.experiment, (split,), store)[split]
    predict(model, prepared, run.experiment, videos=[*prepared.by_video][:1])
    begun = time.perf_counter()
    predict(model, prepared, run.experiment)
    seconds = time.perf_counter() - begun
    return {
        "parameters": sum(each.numel() for each in model.parameters()),
        "query_ms": 1000 * seconds / len(prepared.queries),
    }


def _on_train(run: Run, store: Path | None) -> float:
    """What it reaches on what it learnt from: a model that is low there has not learnt,
    one that is high there and low elsewhere has learnt by heart."""
    model, _ = run.load()
    seen = open_splits(run.experiment, ("train",), store, most=LEARNT_FROM)["train"]
    return measure(predict(model, seen, run.experiment), PROTOCOL).mean(WATCHED)


def _values(
    run: Run, split: str
) -> tuple[dict[str, Float[np.ndarray, " q"]], list[str]]:
    answers = [each for each in read(run.predictions(split)) if len(each.truth)]
    table = measure(answers, PROTOCOL)
    names = [*COLUMNS, *(named(1, iou) for iou in IOUS)]
    return {name: table.values[name] for name in names}, [
        each.video_id for each in answers
    ]


def numbers(mine: Sequence[Run], others: Sequence[Run], split: str) -> dict[str, Any]:
    """Of each measure the mean over seeds with its interval, what each seed has, and the
    paired difference to the first experiment."""
    own = [_values(run, split) for run in mine]
    held = [_values(run, split) for run in others]
    videos = own[0][1]
    found: dict[str, Any] = {"queries": len(videos), "videos": len({*videos})}
    for name in own[0][0]:
        seeds = [values[name] for values, _ in own]
        mean = np.mean(seeds, axis=0)
        away = mean - np.mean([values[name] for values, _ in held], axis=0)
        found[name] = {
            "mean": float(mean.mean()),
            "interval": [*bootstrap(mean, videos, seed=SEED)],
            "seeds": [float(each.mean()) for each in seeds],
            "difference": float(away.mean()),
            "difference_interval": [*bootstrap(away, videos, seed=SEED)],
        }
    return found


def _examples(runs: Mapping[str, Sequence[Run]], split: str) -> list[dict[str, Any]]:
    """The first answer of every model to some queries of different videos."""
    answers = {name: read(mine[0].predictions(split)) for name, mine in runs.items()}
    all_of_them = next(iter(answers.values()))
    rows = np.linspace(0, len(all_of_them) - 1, EXAMPLES + 2).round().astype(int)[1:-1]
    return [
        {
            "query": all_of_them[row].query,
            "video_id": all_of_them[row].video_id,
            "duration_s": all_of_them[row].duration_s,
            "truth": all_of_them[row].truth.tolist(),
            "answers": {name: _first(mine[row]) for name, mine in answers.items()},
        }
        for row in rows.tolist()
    ]


def _first(answer: Prediction) -> list[float]:
    (moment,) = answer.moments(top=1)
    return [moment.span.start, moment.span.end]
