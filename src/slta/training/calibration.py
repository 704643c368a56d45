"""After a training: fits on val how surely a score says that a query has a moment."""

import logging
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from slta.batches.absent_queries import AbsentQueries
from slta.datasets.split import Split
from slta.experiments.opening import open_splits
from slta.moments import Query
from slta.progress import ProgressFactory, no_progress
from slta.runs.confidence import Confidence
from slta.runs.inference import scores
from slta.runs.run import Run

logger = logging.getLogger(__name__)
SEED = 0
"""Seed of the absent queries of val, the same for all runs."""


def calibrate(
    run: Run, store: Path | None = None, shows: ProgressFactory = no_progress
) -> None:
    """Writes the run's ``confidence.json``, or logs why there is none."""
    model, _ = run.load()
    val = open_splits(run.experiment, ("val",), store, shows)["val"]
    split = val if _absent_in(val) else with_absent(val)
    if not _absent_in(split):
        logger.info(
            "confidence is not calibrated, as val has no query without a moment and too few "
            'videos to ask others of; add queries with "spans": [], or videos'
        )
        return
    with shows("calibrating on val") as progress:
        scored = dict(scores(model, split, run.experiment, progress=progress))
    known = [n for n, query in enumerate(split.queries) if query.truth is not None]
    evidence = np.array([scored[number].evidence for number in known])
    there = np.array([bool(split.queries[number].truth) for number in known])
    confidence = Confidence.fit(evidence, there)
    facts = {"queries": len(known), "without_moment": _absent_in(split)}
    run.write("confidence", asdict(confidence) | facts | {"drawn": split is not val})


def _absent_in(split: Split) -> int:
    return sum(query.truth == () for query in split.queries)


def with_absent(split: Split) -> Split:
    """The split with queries of other videos added, up to as many as each video has."""
    drawn, rng = AbsentQueries(split.queries), np.random.default_rng(SEED)
    queries, features = [*split.queries], [*split.query_features]
    for video_id, own in split.by_video.items():
        for number in drawn.draw(rng, video_id, len(own)):
            name = f"absent {len(queries)}"
            queries.append(Query(name, video_id, split.queries[number].query, ()))
            features.append(split.query_features[number])
    return replace(split, queries=tuple(queries), query_features=tuple(features))
