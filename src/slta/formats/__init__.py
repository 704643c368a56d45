"""Files of predictions and of truths that other programs wrote, known by their content."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from slta.errors import InputError
from slta.formats import cbp, moment_detr, own
from slta.formats.base import Answered, Content, Format, Truth

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
    return _read(path, PREDICTIONS, "predictions")


def truths(path: Path) -> Sequence[Truth]:
    """Raises ``InputError`` for a file in none of the formats, or with a wrong line."""
    return _read(path, TRUTHS, "truths")


def _read(path: Path, formats: Mapping[str, Format[T]], what: str) -> Sequence[T]:
    content = Content.open(path)
    for each in formats.values():
        if each.knows(content.first):
            return each.read(content)
    seen = content.first
    fields = ", ".join(map(str, list(seen)[:5])) if isinstance(seen, dict) else ""
    begins = f"has the fields {fields}" if fields else f"is {str(seen)[:40]!r}"
    known = "; ".join(f"{name} ({each.fields})" for name, each in formats.items())
    raise InputError(
        f"{path} is in no known format of {what}, as what it begins with {begins}; "
        f"give one of {known}"
    )
