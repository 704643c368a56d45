"""The project's own predictions and annotations, one JSON object a line."""

from slta.datasets import own
from slta.errors import InputError
from slta.formats.base import Answered, Content, Truth, has, reading
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
    return [
        Truth(
            f"{content.path}, {query.query_id}",
            query.query_id,
            query.video_id,
            query.query,
            as_array(query.truth or ()),
        )
        for query in own.queries(content.path)
    ]
