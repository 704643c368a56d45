"""The project's own predictions and annotations, one JSON object a line."""

from pathlib import Path
from typing import Final

import numpy as np

from slta.datasets import own
from slta.datasets.base import Dataset, Facts
from slta.errors import InputError
from slta.evaluation.formats.base import Answered, Content, Truth, has, reading
from slta.evaluation.metrics.detr import spread
from slta.evaluation.predictions import parsed
from slta.moments import Query
from slta.moments.spans import as_array

APART: Final = {"video_id": "", "query": ""}


def is_predictions(first: object) -> bool:
    return has(first, "query_id", "spans", "scores")


def predictions(content: Content) -> list[Answered]:
    """The format of ``slta.evaluation.predictions``; with ground truth in another file,
    ``truth``, ``video_id`` and ``query`` may be missing."""
    entries = []
    for where, row in content.lines():
        with reading(where):
            has_truth = row.get("truth") is not None
            prediction = parsed(row if has_truth else {**APART, **row, "truth": []})
        entries.append(Answered(where, prediction, has_truth))
    return entries


def is_truths(first: object) -> bool:
    return has(first, "video_id", "query", "spans") and not has(first, "scores")


def truths(content: Content) -> list[Truth]:
    if content.packed:
        raise InputError(f"{content.path} is compressed; unpack it with gunzip --keep")
    return truths_of(content.path)


def truths_of(path: Path) -> list[Truth]:
    """Ground truth of a JSON Lines or CSV file."""
    dataset = own.load_file(path)
    (queries,) = dataset.splits.values()
    entries = []
    for query in queries:
        with reading(f"{path}, {query.query_id}"):
            entries.append(_truth(path, dataset, query))
    return entries


def _truth(path: Path, dataset: Dataset, query: Query) -> Truth:
    facts = dataset.facts.get(query.query_id, Facts())
    duration_s = dataset.durations_s.get(query.video_id)
    saliency = None
    if facts.clips is not None and facts.saliency is not None and duration_s:
        saliency = spread(facts.clips, facts.saliency.astype(np.float64), duration_s)
    return Truth(
        f"{path}, {query.query_id}",
        query.query_id,
        query.video_id,
        query.query,
        as_array(query.truth or ()),
        duration_s,
        saliency,
        facts.chunks,
        annotated=query.truth is not None,
    )
