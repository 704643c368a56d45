"""Which runs belong into one table: those on the same data, with the same features."""

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
"""Of a run's provenance: what must be the same."""


def check_experiments(plan: Plan) -> None:
    """Raises ``InputError`` for other data or features, as far as configurations tell,
    and for data that nothing can be compared on."""
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
                f"{dataset.folder} has no split to compare models on but train and val; "
                "add test.jsonl with true spans"
            )


def check_data(plan: Plan, shows: ProgressFactory = no_progress) -> None:
    """Makes the films and features that are missing. Raises ``InputError`` for finished
    runs of other data or features than there are now, and for data that the protocol
    cannot measure."""
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
    """What all of them were made by; of commits, that of the first.

    Raises ``InputError`` where runs are of different data or features, and where those
    that the comparison trained are of different commits. Finished runs may be: nobody
    trains again for an update, and ``commits`` of each row tells.
    """
    strict = ("commit", *FACTS)
    seen: dict[str, Run] = {}
    for run in trained:
        made = run.read("provenance")
        seen.setdefault(json.dumps([made.get(name) for name in strict]), run)
    if len(seen) > 1:
        (one, a), (other, b) = list(seen.items())[:2]
        pairs = zip(strict, json.loads(one), json.loads(other), strict=True)
        fact, mine, theirs = next(pair for pair in pairs if pair[1] != pair[2])
        raise InputError(
            f"runs of another {_words(fact)} do not belong into one table: {a.folder} "
            f"has {mine} and {b.folder} has {theirs}; remove the older one, or name "
            "another folder with --runs"
        )
    first, *others = [*trained, *finished]
    facts = first.read("provenance")
    for run in others:
        _check_facts(run, facts, str(first.folder))
    return {name: facts.get(name) for name in strict}


def code_of(run: Run) -> str:
    """The commit, or else the version, of the program that trained a run."""
    made = run.read("provenance")
    return str(made.get("commit") or f"slta {made.get('versions', {}).get('slta')}")


def _facts(experiment: Experiment, store: Path | None) -> dict[str, Any]:
    """As a run's provenance would have them."""
    about = About.of(open_library(experiment, store), Sizes(0, 0, 0))
    return {
        "data": open_dataset(experiment).digest,
        "extractor": about.extractor,
        "extractor_version": about.version,
        "words": about.words,
    }


def _check_facts(run: Run, ours: dict[str, Any], name: str) -> None:
    """What a run of an older version does not tell is not compared."""
    theirs = run.read("provenance")
    for fact in FACTS:
        if fact in theirs and fact in ours and theirs[fact] != ours[fact]:
            mine, other = (
                f"SHA-256 {each[fact][:12]}" if fact == "data" else each[fact]
                for each in (theirs, ours)
            )
            raise InputError(
                f"{run.folder} was trained with another {_words(fact)} ({mine}) than "
                f"{name} ({other}); compare runs of the same, or leave it out"
            )


def _check_same(
    reference: str,
    name: str,
    ours: Experiment,
    theirs: Experiment,
    *,
    of_run: bool = False,
) -> None:
    """The data set wherever it is, and the features; of a run, its provenance tells
    where those are from."""
    names = ours.dataset.name, theirs.dataset.name
    if type(ours.dataset) is not type(theirs.dataset):
        raise InputError(
            f"{reference} and {name} are on other data ({' and '.join(names)}); compare "
            "what is on the same data set"
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
    mine, others = asdict(ours), asdict(theirs)
    for field in mine:
        if field not in but and mine[field] != others[field]:
            raise InputError(
                f"{reference} and {name} have other {what} ({field} {mine[field]!r} and "
                f"{others[field]!r}); compare what has the same {what}"
            )


def _words(fact: str) -> str:
    return fact.replace("_", " ")
