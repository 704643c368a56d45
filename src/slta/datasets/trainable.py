"""What training needs of the splits: that they are there, can be read and be learnt from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path

import numpy as np

from slta.datasets.annotations import Annotations, Problem, unreadable
from slta.moments import Query

Splits = Mapping[str, Sequence[Query]]
NEEDED = {
    "train": "a model is trained with it",
    "val": "the best weights are chosen by it",
}
"""The splits without which nothing is trained, and why."""
LEAST = {"train": 100}
LEAST_MEASURED = 30
"""Queries with fewer of which a number says little: of 30, the 95 % interval of R@1 reaches
18 points to both sides of 50."""
SHARES_S, LONG_S, MANY = 1.0, 10.0, 3
"""Times of so many spans that all end in the first second of videos of that length, or
longer ones, are shares of the video."""
FEW = 5
"""Times a moment's length, from one sample to the next, at most."""


def used(splits: Splits) -> dict[str, Sequence[Query]]:
    """The splits that are trained with, chosen by or tested."""
    return {
        name: queries
        for name, queries in splits.items()
        if name in NEEDED or any(query.truth for query in queries)
    }


def refusals(found: Annotations, splits: Splits, get: str) -> Iterator[Problem]:
    """What is wrong with the splits by themselves; ``get`` is from whom to get them."""
    faulty = {problem.file for problem in found.faults}
    for name, why in NEEDED.items():
        file, remedy = found.root / f"{name}.jsonl", f"write it or {name}.csv"
        if found.absent:
            # A val that is held out of an absent train is told with that.
            file, remedy = (
                found.absent_splits.get(name, found.root),
                f"get it from {get}",
            )
        if name not in splits and file not in {*faulty, found.root}:
            what = f"is missing, so there is no split {name}: {why}"
            yield Problem(file, None, what, remedy)
    for name, queries in splits.items():
        file = file_of(found, name)
        if file in faulty:
            continue
        if not queries:
            what = f"has no queries, so the split {name} is empty"
            yield Problem(file, None, what, "write some, or remove the file")
        elif name in NEEDED and not any(query.truth for query in queries):
            what = f"has no query with a true span, and {NEEDED[name]}"
            yield Problem(file, None, what, "give spans, in seconds")
    yield from _unreadable(found, used(splits))


def _unreadable(found: Annotations, splits: Splits) -> Iterator[Problem]:
    for name, queries in splits.items():
        for query in queries:
            if (why := unreadable(query.query)) is not None:
                place = found.place(name, query.query_id)
                yield Problem(file_of(found, name), place, *why)


def warnings(found: Annotations, splits: Splits) -> Iterator[Problem]:
    """Where there are so few queries that numbers will not mean anything."""
    for name, queries in used(splits).items():
        count = sum(bool(query.truth) for query in queries)
        least = LEAST.get(name, LEAST_MEASURED)
        if not 0 < count < least:
            continue
        queries_of = f"has {count} {'query' if count == 1 else 'queries'} with a truth"
        what = f"{queries_of}: R@1 is uncertain by up to {98 / sqrt(count):.0f} points"
        if name in LEAST:
            what = f"{queries_of}: a model will memorise them, and find nothing else"
        yield Problem(file_of(found, name), None, what, f"give {least} or more")


def units(
    found: Annotations,
    splits: Splits,
    durations_s: Mapping[str, float],
    steps_s: Iterable[tuple[Path, float]],
) -> Iterator[Problem]:
    """Times in another unit than seconds. ``steps_s`` is how far the samples of files of
    features are apart."""
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
        remedy = "they look like shares of the video: give seconds"
        yield Problem(file_of(found, "train"), None, f"{what}or more", remedy)
    usual_s = float(np.median(lengths_s))
    for file, step_s in steps_s:
        # Between two samples there would be room for several moments.
        if step_s > FEW * usual_s:
            what = f"has a sample every {step_s:g} s, and moments last {usual_s:g} s"
            remedy = "make the features of more frames"
            if step_s / 1000 <= usual_s:
                remedy = "times_s look like milliseconds: divide them by 1000"
            yield Problem(file, None, what, remedy)


def file_of(found: Annotations, split: str) -> Path:
    """A val that is held out of train is in its file."""
    return found.split_files.get(split) or found.split_files.get("train", found.root)
