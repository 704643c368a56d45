"""Checks that the splits can be trained with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path

import numpy as np

from slta.datasets.annotations import Annotations, Problem, unreadable
from slta.moments import Query

Splits = Mapping[str, Sequence[Query]]
NEEDED = {
    "train": "a model is trained on it",
    "val": "the best weights are selected on it",
}
"""The required splits, with the reason."""
LEAST = {"train": 100}
LEAST_MEASURED = 30
"""Minimum queries of an evaluation: with 30, the 95 % interval of R@1 is ± 18 points at 50."""
SHARES_S, LONG_S, MANY = 1.0, 10.0, 3
"""At least MANY spans that all end within SHARES_S, in videos of at least LONG_S, are given
as fractions of the video."""
FEW = 5
"""Maximum step between samples, in median moment lengths."""


def used(splits: Splits) -> dict[str, Sequence[Query]]:
    """The splits used for training, selection or test."""
    return {
        name: queries
        for name, queries in splits.items()
        if name in NEEDED or any(query.truth for query in queries)
    }


def refusals(annotations: Annotations, splits: Splits, get: str) -> Iterator[Problem]:
    """Problems of the splits; ``get`` says where to get their files."""
    faulty = {problem.file for problem in annotations.faults}
    for name, why in NEEDED.items():
        file, remedy = annotations.root / f"{name}.jsonl", f"write it or {name}.csv"
        if annotations.absent:
            # A val that is held out of a missing train is reported with it.
            file, remedy = (
                annotations.absent_splits.get(name, annotations.root),
                f"get it from {get}",
            )
        if name not in splits and file not in {*faulty, annotations.root}:
            what = f"is missing, so there is no split {name}: {why}"
            yield Problem(file, None, what, remedy)
    for name, queries in splits.items():
        file = file_of(annotations, name)
        if file in faulty:
            continue
        if not queries:
            what = f"has no queries, so the split {name} is empty"
            yield Problem(file, None, what, "write some, or remove the file")
        elif name in NEEDED and not any(query.truth for query in queries):
            what = f"has no query with a true span, and {NEEDED[name]}"
            yield Problem(file, None, what, "give spans, in seconds")
    yield from _unreadable(annotations, used(splits))


def _unreadable(annotations: Annotations, splits: Splits) -> Iterator[Problem]:
    for name, queries in splits.items():
        for query in queries:
            if (why := unreadable(query.query)) is not None:
                place = annotations.place(name, query.query_id)
                yield Problem(file_of(annotations, name), place, *why)


def warnings(annotations: Annotations, splits: Splits) -> Iterator[Problem]:
    """Warnings for splits with too few queries."""
    for name, queries in used(splits).items():
        count = sum(bool(query.truth) for query in queries)
        least = LEAST.get(name, LEAST_MEASURED)
        if not 0 < count < least:
            continue
        queries_of = f"has {count} {'query' if count == 1 else 'queries'} with a truth"
        what = f"{queries_of}: R@1 is uncertain by up to {98 / sqrt(count):.0f} points"
        if name in LEAST:
            what = f"{queries_of}: a model will overfit to them"
        yield Problem(file_of(annotations, name), None, what, f"give {least} or more")


def units(
    annotations: Annotations,
    splits: Splits,
    durations_s: Mapping[str, float],
    steps_s: Iterable[tuple[Path, float]],
) -> Iterator[Problem]:
    """Times that are not in seconds. ``steps_s`` are files of features with the step between
    their samples."""
    spans = [
        (span.end - span.start, span.end, durations_s.get(query.video_id, 0.0))
        for queries in splits.values()
        for query in queries
        for span in query.truth or ()
    ]
    if not spans:
        return
    lengths_s, ends_s, of_s = np.array(spans).T
    if len(spans) >= MANY and ends_s.max() <= SHARES_S and of_s.min() >= LONG_S:
        what = (
            f"has times that all lie within {SHARES_S:g} s, in videos of {LONG_S:g} s "
        )
        remedy = "they look like fractions of the video: give seconds"
        yield Problem(file_of(annotations, "train"), None, f"{what}or more", remedy)
    usual_s = float(np.median(lengths_s))
    for file, step_s in steps_s:
        # Several moments would fit between two samples.
        if step_s > FEW * usual_s:
            what = f"has a sample every {step_s:g} s, and moments last {usual_s:g} s"
            remedy = "extract the features at a higher rate"
            if step_s / 1000 <= usual_s:
                remedy = "times_s look like milliseconds: divide them by 1000"
            yield Problem(file, None, what, remedy)


def file_of(annotations: Annotations, split: str) -> Path:
    """The file of a split; a val that is held out of train is in train's file."""
    return annotations.split_files.get(split) or annotations.split_files.get(
        "train", annotations.root
    )
