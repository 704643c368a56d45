"""Answers and truths of two files, put together query by query."""

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
    """Queries of the truth without an answer; they are among the predictions."""
    notes: Sequence[str] = field(default_factory=tuple)
    """What is odd, a line each."""


def load(path: Path, truth: Path | None = None) -> Joined:
    """The predictions of a file, with the truth of another where one is given.

    Every query of the truth is there: one without an answer is a miss. Raises
    ``InputError`` for answers to queries that the truth does not have.
    """
    answered = _by_id(
        (each.prediction.query_id, each) for each in formats.predictions(path)
    )
    if truth is None:
        for each in answered.values():
            if not each.has_truth:
                raise InputError(
                    f"{each.where} has no truth; give the file that has it with --truth"
                )
        found = [each.prediction for each in answered.values()]
        return Joined(found, notes=_odd(path, answered.values(), found))
    known = _by_id((each.query_id, each) for each in formats.truths(truth))
    if others := [each for name, each in answered.items() if name not in known]:
        first = others[0]
        raise InputError(
            f"{first.where} answers the query {first.prediction.query_id!r}, which "
            f"{truth} does not have ({len(others)} of {len(answered)} such); give the "
            "truth of the same queries, or take these answers out"
        )
    found = [_with_truth(answered.get(name), each) for name, each in known.items()]
    missing = [each for name, each in known.items() if name not in answered]
    notes = _odd(path, answered.values(), found)
    if missing:
        notes.insert(
            0,
            f"{path} has no answer to {len(missing)} of {len(known)} queries (the first "
            f"is {missing[0].where}); they count as misses",
        )
    return Joined(found, len(missing), notes)


def _by_id(rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for name, row in rows:
        if name in found:
            raise InputError(
                f"{row.where} has the query {name!r} again, after {found[name].where}; "
                "take one of them out"
            )
        found[name] = row
    return found


def _with_truth(answered: Answered | None, truth: Truth) -> Prediction:
    if answered is None:
        given = Prediction(
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
        given = answered.prediction
        if given.video_id not in ("", truth.video_id):
            raise InputError(
                f"{answered.where} answers the query {truth.query_id!r} in the video "
                f"{given.video_id!r}, which {truth.where} asks of {truth.video_id!r}; "
                "give the truth of the same queries"
            )
    duration_s = given.duration_s if truth.duration_s is None else truth.duration_s
    return replace(
        given,
        video_id=truth.video_id,
        query=truth.query,
        duration_s=duration_s,
        truth=truth.spans,
        true_saliency=truth.saliency,
        chunks=truth.chunks,
    )


def _odd(
    path: Path, answered: Iterable[Answered], predictions: Sequence[Prediction]
) -> list[str]:
    rows = [*answered]
    return [*_beyond(path, predictions), *_turned(path, rows), *_bare(path, rows)]


def _bare(path: Path, answered: Sequence[Answered]) -> list[str]:
    """Where clips have scores, but no moment is answered."""
    if not is_bare(each.prediction for each in answered):
        return []
    return [
        f"the predictions in {path} have saliency and no windows; they count as misses "
        "in R@n and mAP"
    ]


def is_bare(predictions: Iterable[Prediction]) -> bool:
    """Whether they say how much clips stand out, and of no moment where it is."""
    rows = [*predictions]
    has_saliency = any(each.saliency is not None for each in rows)
    return has_saliency and not any(len(each.spans) for each in rows)


def _turned(path: Path, answered: Iterable[Answered]) -> list[str]:
    """Where answers end before they start: offsets may do that, and so may a file of
    middles and lengths."""
    total, found = 0, []
    for each in answered:
        spans = each.prediction.spans
        total += len(spans)
        found += [(each.where, *span) for span in spans[spans[:, 1] < spans[:, 0]]]
    if not found:
        return []
    where, start, end = found[0]
    return [
        f"{len(found)} of {total} answers in {path} end before they start (the first is "
        f"{start:g}-{end:g} s, {where}); none of them is a hit: give the start first"
    ]


def _beyond(path: Path, predictions: Sequence[Prediction]) -> list[str]:
    """A note where many answers begin after their video: a unit may be wrong."""
    begun = total = 0
    for each in predictions:
        if each.final and each.duration_s is not None:
            begun += int((each.spans[:, 0] >= each.duration_s).sum(axis=0))
            total += len(each.spans)
    if not begun:
        return []
    return [
        f"{begun} of {total} answers in {path} begin after their video has ended; times "
        "are in seconds"
    ]
