"""The field's measures, as pure functions of ranked spans and true spans.

Those that need more than spans are in ``detr`` (saliency) and ``didemo`` (annotators).
"""

from slta.evaluation.metrics.intervals import bootstrap, intervals
from slta.evaluation.metrics.ranked import ctrl, plain, tan2d
from slta.evaluation.metrics.table import (
    FIRST,
    GRID,
    IOUS,
    Scores,
    Spans,
    Table,
    best_iou,
    hit,
    logged,
    mean_iou,
    named,
    recall,
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
    "hit",
    "intervals",
    "logged",
    "mean_iou",
    "named",
    "plain",
    "recall",
    "tan2d",
]
