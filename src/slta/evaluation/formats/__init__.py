"""Predictions and ground truth of other programs, in formats recognised by content."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from slta.errors import InputError
from slta.evaluation.formats import cbp, moment_detr, own
from slta.evaluation.formats.base import Answered, Content, Format, Truth, reading
from slta.evaluation.predictions import Prediction
from slta.fields import FieldError, shown

T = TypeVar("T")

PREDICTIONS: dict[str, Format[Answered]] = {
    "own": Format("query_id, spans, scores", own.is_predictions, own.predictions),
    "moment_detr": Format(
        "qid, pred_relevant_windows or pred_saliency_scores",
        moment_detr.is_predictions,
        moment_detr.predictions,
    ),
    "CBP": Format("results", cbp.is_predictions, cbp.predictions),
}
TRUTHS: dict[str, Format[Truth]] = {
    "own": Format("video_id, query, spans", own.is_truths, own.truths),
    "QVHighlights": Format(
        "qid, vid, duration", moment_detr.is_truths, moment_detr.truths
    ),
    "CBP": Format("by video: timestamps, sentences", cbp.is_truths, cbp.truths),
}


def predictions(path: Path) -> Sequence[Answered]:
    """Raises ``InputError`` for a file in none of the formats, or with a wrong line."""
    answered = _read(path, PREDICTIONS, "predictions")
    for entry in answered:
        with reading(entry.where):
            _check_finite(entry.prediction)
    return answered


def truths(path: Path) -> Sequence[Truth]:
    """Raises ``InputError`` for a file in none of the formats, or with a wrong line."""
    if path.suffix.lower() == ".csv":
        return own.truths_of(path)
    return _read(path, TRUTHS, "truths")


def _check_finite(prediction: Prediction) -> None:
    for name in ("spans", "scores", "saliency"):
        values = getattr(prediction, name)
        if values is not None and not np.isfinite(values).all():
            number = int(np.argwhere(~np.isfinite(values))[0, 0])
            what = f"gives number {number + 1} of its {name} as "
            what += f"{shown(values[number].tolist())}, which is not finite"
            raise FieldError(what, "correct it, or leave that answer out")


def _read(path: Path, formats: Mapping[str, Format[T]], what: str) -> Sequence[T]:
    content = Content.open(path)
    for each in formats.values():
        if each.knows(content.first):
            return each.read(content)
    seen = content.first
    if isinstance(seen, list) and seen and isinstance(seen[0], dict):
        raise InputError(
            f"{path} is a JSON array of {len(seen)} objects; write one object a line, "
            "without the brackets and commas around them"
        )
    fields = ", ".join(map(str, list(seen)[:5])) if isinstance(seen, dict) else ""
    begins = f"has the fields {fields}" if fields else f"is {str(seen)[:40]!r}"
    known = "; ".join(f"{name} ({each.fields})" for name, each in formats.items())
    raise InputError(
        f"{path} is not in a known format of {what}: its first value {begins}; give one "
        f"of {known}"
    )
