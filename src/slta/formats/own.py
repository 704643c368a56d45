"""The project's own predictions and annotations, one JSON object a line."""

from pathlib import Path

import numpy as np

from slta.datasets import own
from slta.datasets.base import Dataset, Facts
from slta.errors import InputError
from slta.formats.base import Answered, Content, Truth, has, reading
from slta.metrics.detr import spread
from slta.moments import Query
from slta.predictions import parsed
from slta.spans import as_array


def is_predictions(first: object) -> bool:
    return has(first, "query_id", "spans", "scores")


def predictions(content: Content) -> list[Answered]:
    """As in ``slta.predictions``; ``truth`` may be left out where it is given apart."""
    found = []
    for where, row in content.lines():
        with reading(where):
            has_truth = row.get("truth") is not None
            prediction = parsed(row if has_truth else {**row, "truth": []})
        found.append(Answered(where, prediction, has_truth))
    return found


def is_truths(first: object) -> bool:
    return has(first, "video_id", "query", "spans") and not has(first, "scores")


def truths(content: Content) -> list[Truth]:
    if content.packed:
        raise InputError(f"{content.path} is packed; unpack it, as with gunzip --keep")
    dataset = own.load_file(content.path)
    (queries,) = dataset.splits.values()
    return [_truth(content.path, dataset, query) for query in queries]


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
    )
