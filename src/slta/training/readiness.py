"""Checks before a training whether anything would stop it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from slta.batches.pairs import matches
from slta.datasets import SOURCES
from slta.datasets.annotations import Problem
from slta.datasets.checking import check
from slta.datasets.report import Report
from slta.datasets.shapes import ShapesConfig
from slta.experiments.config import Experiment
from slta.experiments.opening import open_library, root_of
from slta.features.layouts import is_preextracted
from slta.models import builder_of, sees_whole_videos
from slta.moments import Query
from slta.moments.spans import as_array
from slta.progress import ProgressFactory, no_progress


def check_ready(
    experiment: Experiment,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
) -> Sequence[Problem]:
    """Warnings about the data set, unless it is synthetic. Raises ``InputError`` for its
    first fault."""
    dataset, root = experiment.dataset, root_of(experiment)
    if root is None or isinstance(dataset, ShapesConfig) or dataset.name not in SOURCES:
        return []
    name = dataset.name
    extractor = experiment.features.extractor
    library = open_library(experiment, store)
    features = extractor if is_preextracted(extractor) else ""
    with shows("checking the data") as progress:
        report = check(
            SOURCES[name],
            root,
            progress,
            features,
            library.recalled,
            films=not features,
        )
    report.refusals += unmatched(experiment, report)
    again = f"slta data check {name} --root {root}"
    report.refuse(
        f"{again} --features {features}"
        if ":" in features or "," in features
        else again
    )
    return report.warnings


def unmatched(experiment: Experiment, report: Report) -> list[Problem]:
    """A problem if no candidate matches any moment of train."""
    train = [query for query in report.splits.get("train", ()) if query.truth]
    if report.refusals or not train:
        return []
    if next(usable(experiment, report), None) is not None:
        return []
    lengths_s = sorted(span.length_s for query in train for span in query.truth or ())
    what = "has no query with a matching window"
    remedy = f"moments last {lengths_s[0]:g} to {lengths_s[-1]:g} s: give such lengths "
    return [Problem(report.files["train"], None, what, remedy + LENGTHS)]


LENGTHS = "with --candidates.lengths-s"


def usable(experiment: Experiment, report: Report) -> Iterator[Query]:
    """Queries of train that can be trained with."""
    every = sees_whole_videos(builder_of(experiment.model))
    for query in report.splits.get("train", ()):
        if query.truth and (every or _matched(experiment, report, query)):
            yield query


def _matched(experiment: Experiment, report: Report, query: Query) -> bool:
    if (duration_s := report.durations_s.get(query.video_id)) is None:
        return True
    windows = experiment.candidates.training_windows(duration_s)
    truth = as_array(query.truth or ())
    return bool(matches(windows, truth, experiment.training.rule).matching.any())
