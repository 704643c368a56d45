"""Checks that all runs of a comparison have the same data and features."""

import json
from collections.abc import Container, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slta.comparison.plan import Plan, without_root
from slta.errors import InputError
from slta.evaluation.measuring import measure
from slta.evaluation.predictions import Prediction
from slta.experiments.config import Experiment
from slta.experiments.opening import (
    open_dataset,
    open_library,
    open_splits,
    resolve_extractor,
    root_of,
)
from slta.models.base import Sizes
from slta.moments.spans import as_array
from slta.progress import ProgressFactory, no_progress
from slta.runs.run import About, Run

FACTS = ("data", "extractor", "extractor_version", "words")
"""Fields of a run's provenance that must be equal."""


def check_experiments(plan: Plan) -> None:
    """Raises ``InputError`` if configurations differ in data or features, and for a data
    set without test splits."""
    reference = plan.experiments[0]
    ours = resolve_extractor(plan.reference)
    for job in plan.jobs(plan.seeds[0]):
        theirs = resolve_extractor(job.experiment(plan))
        _check_same(reference, job.name, ours, theirs)
        if reference not in plan.finished and ours.dataset != theirs.dataset:
            _refuse(reference, job.name, "data", ours.dataset, theirs.dataset)
    for run in finished(plan):
        _check_same(reference, str(run.folder), ours, run.experiment, of_run=True)
    if root_of(ours):
        dataset = open_dataset(ours)
        if not dataset.tested:
            raise InputError(
                f"{dataset.folder} has no split but train and val to compare models on; "
                "add test.jsonl with ground-truth spans"
            )


def check_data(plan: Plan, shows: ProgressFactory = no_progress) -> None:
    """Makes missing videos and features. Raises ``InputError`` for finished runs with other
    data or features than the current ones, and for data that the protocol cannot
    evaluate."""
    reference = resolve_extractor(plan.reference)
    tested = open_dataset(reference, shows).tested
    splits = open_splits(reference, ("train", "val", *tested), plan.store, shows)
    for name in tested:
        truths = [
            Prediction.of(
                query,
                splits[name].infos[query.video_id].duration_s,
                as_array(query.truth or ()),
                as_array(query.truth or ())[:, 0],
            )
            for query in splits[name].queries
        ]
        measure(truths, plan.measured_by)
    runs = finished(plan)
    if runs:
        now = _facts(reference, plan.store)
        for run in runs:
            _check_facts(run, now, plan.experiments[0])


def finished(plan: Plan) -> list[Run]:
    return [run for runs in plan.finished.values() for run in runs]


def made_alike(trained: Sequence[Run], finished: Sequence[Run]) -> dict[str, Any]:
    """Commit, data and features that the runs share; the commit is the first run's.

    Raises ``InputError`` if runs differ in data or features, or if runs that the
    comparison trained differ in commits. Finished runs may differ in commits; ``commits``
    of each row lists them.
    """
    strict = ("commit", *FACTS)
    seen: dict[str, Run] = {}
    for run in trained:
        provenance = run.read("provenance")
        seen.setdefault(json.dumps([provenance.get(name) for name in strict]), run)
    if len(seen) > 1:
        (one, a), (other, b) = list(seen.items())[:2]
        pairs = zip(strict, json.loads(one), json.loads(other), strict=True)
        fact, ours, theirs = next(pair for pair in pairs if pair[1] != pair[2])
        raise InputError(
            f"runs with another {_words(fact)} cannot be compared: {a.folder} has {ours} "
            f"and {b.folder} has {theirs}; remove the older one, or give another folder "
            "with --runs"
        )
    first, *others = [*trained, *finished]
    facts = first.read("provenance")
    for run in others:
        _check_facts(run, facts, str(first.folder))
    return {name: facts.get(name) for name in strict}


def code_of(run: Run) -> str:
    """Commit, or else version, of the program that trained a run."""
    made_by = run.read("provenance")
    version = made_by.get("versions", {}).get("slta")
    return str(made_by.get("commit") or f"slta {version}")


def _facts(experiment: Experiment, store: Path | None) -> dict[str, Any]:
    """``FACTS`` as a run of the experiment would record them."""
    about = About.of(open_library(experiment, store), Sizes(0, 0, 0))
    return {
        "data": open_dataset(experiment).digest,
        "extractor": about.extractor,
        "extractor_version": about.version,
        "words": about.words,
    }


def _check_facts(run: Run, ours: dict[str, Any], name: str) -> None:
    """Facts that a run of an older version did not record are not compared."""
    theirs = run.read("provenance")
    for fact in FACTS:
        if fact in theirs and fact in ours and theirs[fact] != ours[fact]:
            of_run, expected = (
                f"SHA-256 {facts[fact][:12]}" if fact == "data" else facts[fact]
                for facts in (theirs, ours)
            )
            raise InputError(
                f"{run.folder} was trained with another {_words(fact)} ({of_run}) than "
                f"{name} ({expected}); compare runs of the same, or leave it out"
            )


def _check_same(
    reference: str,
    name: str,
    ours: Experiment,
    theirs: Experiment,
    *,
    of_run: bool = False,
) -> None:
    """Compares the data sets, wherever their folders are, and the features; those of a run
    are compared by its provenance."""
    names = ours.dataset.name, theirs.dataset.name
    if type(ours.dataset) is not type(theirs.dataset):
        raise InputError(
            f"{reference} and {name} are on different data ({' and '.join(names)}); "
            "compare models on the same data set"
        )
    if without_root(ours) != without_root(theirs):
        _refuse(reference, name, "data", without_root(ours), without_root(theirs))
    there = ("extractor", "words") if of_run else ()
    _refuse(reference, name, "features", ours.features, theirs.features, there)


def _refuse(
    reference: str,
    name: str,
    what: str,
    ours: Any,
    theirs: Any,
    but: Container[str] = (),
) -> None:
    """Raises ``InputError`` for the first field that differs, with both values."""
    ours, theirs = asdict(ours), asdict(theirs)
    for field in ours:
        if field not in but and ours[field] != theirs[field]:
            raise InputError(
                f"{reference} and {name} have different {what} ({field} {ours[field]!r} "
                f"and {theirs[field]!r}); compare models with the same {what}"
            )


def _words(fact: str) -> str:
    return fact.replace("_", " ")
