"""The field's metrics, as pure functions of ranked and true spans.

``detr`` adds saliency, ``didemo`` several annotators.
"""

from slta.evaluation.metrics.ranked import ctrl, plain, tan2d
from slta.evaluation.metrics.table import (
    FIRST,
    GRID,
    IOUS,
    Scores,
    Spans,
    Table,
    best_iou,
    bootstrap,
    ends_of,
    hit,
    interval_of,
    intervals,
    logged,
    mean_iou,
    named,
    recall,
    resampled,
)

__all__ = [
    "FIRST",
    "GRID",
    "IOUS",
    "Scores",
    "Spans",
    "Table",
    "best_iou",
    "bootstrap",
    "ctrl",
    "ends_of",
    "hit",
    "interval_of",
    "intervals",
    "logged",
    "mean_iou",
    "named",
    "plain",
    "recall",
    "resampled",
    "tan2d",
]
