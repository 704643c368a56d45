"""The field's measures, as pure functions of ranked spans and true spans."""

from slta.metrics.intervals import bootstrap
from slta.metrics.ranked import PROTOCOLS, Protocol, ctrl, plain
from slta.metrics.table import (
    FIRST,
    IOUS,
    Scores,
    Spans,
    Table,
    best_iou,
    hit,
    mean_iou,
    recall,
)

__all__ = [
    "FIRST",
    "IOUS",
    "PROTOCOLS",
    "Protocol",
    "Scores",
    "Spans",
    "Table",
    "best_iou",
    "bootstrap",
    "ctrl",
    "hit",
    "mean_iou",
    "plain",
    "recall",
]
