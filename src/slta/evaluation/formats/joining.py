"""Joins predictions and ground truth of two files by query."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from slta.errors import InputError
from slta.evaluation import formats
from slta.evaluation.formats.base import Answered, Truth
from slta.evaluation.predictions import Prediction

Row = TypeVar("Row", Answered, Truth)


@dataclass(frozen=True, slots=True)
class Joined:
    predictions: Sequence[Prediction]
    unanswered: int = 0
    """Number of queries without an answer; they are among the predictions."""
    notes: Sequence[str] = field(default_factory=tuple)
    """Oddities, a line each."""


def load(path: Path, truth: Path | None = None) -> Joined:
    """Predictions of a file, with the ground truth of another if given.

    Queries of the ground truth without an answer are misses. Raises ``InputError`` for
    answers to other queries.
    """
    answered = _by_id(
        (each.prediction.query_id, each) for each in formats.predictions(path)
    )
    if truth is None:
        for each in answered.values():
            if not each.has_truth:
                raise InputError(
                    f"{each.where} has no ground truth; give its file with --truth"
                )
        predictions = [each.prediction for each in answered.values()]
        return Joined(predictions, notes=_odd(path, answered.values(), predictions))
    by_query = _by_id((each.query_id, each) for each in formats.truths(truth))
    if others := [each for name, each in answered.items() if name not in by_query]:
        first = others[0]
        raise InputError(
            f"{first.where} answers the query {first.prediction.query_id!r}, which "
            f"{truth} does not have ({len(others)} of {len(answered)} such); give the "
            "ground truth of the same queries, or remove these answers"
        )
    predictions = [
        _with_truth(answered.get(name), each) for name, each in by_query.items()
    ]
    missing = [each for name, each in by_query.items() if name not in answered]
    notes = _odd(path, answered.values(), predictions)
    if missing:
        notes.insert(
            0,
            f"{path} has no answer to {len(missing)} of {len(by_query)} queries (the first "
            f"is {missing[0].where}); they count as misses",
        )
    return Joined(predictions, len(missing), notes)


def _by_id(rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    rows_by_id: dict[str, Row] = {}
    for name, row in rows:
        if name in rows_by_id:
            raise InputError(
                f"{row.where} has the query {name!r} again, after {rows_by_id[name].where}; "
                "remove one of them"
            )
        rows_by_id[name] = row
    return rows_by_id


def _with_truth(answered: Answered | None, truth: Truth) -> Prediction:
    if answered is None:
        prediction = Prediction(
            truth.query_id,
            truth.video_id,
            truth.query,
            truth.duration_s,
            truth.spans,
            np.zeros((0, 2)),
            np.zeros(0),
            final=True,
        )
    else:
        prediction = answered.prediction
        if prediction.video_id not in ("", truth.video_id):
            raise InputError(
                f"{answered.where} answers the query {truth.query_id!r} in the video "
                f"{prediction.video_id!r}, which is of {truth.video_id!r} in {truth.where}; "
                "give the ground truth of the same queries"
            )
    duration_s = truth.duration_s
    return replace(
        prediction,
        video_id=truth.video_id,
        query=truth.query,
        duration_s=prediction.duration_s if duration_s is None else duration_s,
        truth=truth.spans,
        true_saliency=truth.saliency,
        chunks=truth.chunks,
        annotated=truth.annotated,
    )


def _odd(
    path: Path, answered: Iterable[Answered], predictions: Sequence[Prediction]
) -> list[str]:
    rows = [*answered]
    return [*_beyond(path, predictions), *_turned(path, rows), *_bare(path, rows)]


def _bare(path: Path, answered: Sequence[Answered]) -> list[str]:
    """A note on predictions with saliency but without windows."""
    if not is_bare(each.prediction for each in answered):
        return []
    return [
        f"the predictions in {path} have saliency and no windows; they count as misses "
        "in R@n and mAP"
    ]


def is_bare(predictions: Iterable[Prediction]) -> bool:
    """Whether predictions have saliency but no windows."""
    rows = [*predictions]
    has_saliency = any(each.saliency is not None for each in rows)
    return has_saliency and not any(len(each.spans) for each in rows)


def _turned(path: Path, answered: Iterable[Answered]) -> list[str]:
    """A note on answers that end before they start, by offsets or because the file has
    centres and lengths."""
    total, reversed_spans = 0, []
    for entry in answered:
        spans = entry.prediction.spans
        total += len(spans)
        reversed_spans += [
            (entry.where, *span) for span in spans[spans[:, 1] < spans[:, 0]]
        ]
    if not reversed_spans:
        return []
    where, start, end = reversed_spans[0]
    return [
        f"{len(reversed_spans)} of {total} answers in {path} end before they start (the first is "
        f"{start:g}-{end:g} s, {where}); none of them is a hit: give the start first"
    ]


def _beyond(path: Path, predictions: Sequence[Prediction]) -> list[str]:
    """A note on answers that begin after their video: a unit may be wrong."""
    begun = total = 0
    for each in predictions:
        if each.final and each.duration_s is not None:
            begun += int((each.spans[:, 0] >= each.duration_s).sum(axis=0))
            total += len(each.spans)
    if not begun:
        return []
    return [
        f"{begun} of {total} answers in {path} begin after the end of their video; times "
        "must be in seconds"
    ]
