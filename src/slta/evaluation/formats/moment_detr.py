"""Moment-DETR's predictions and QVHighlights' annotations (Lei et al., NeurIPS 2021).

{"qid": 2579, "query": "A girl …", "vid": "NUsG9BgSes0_210.0_360.0",
 "pred_relevant_windows": [[0.0, 70.0, 0.9986], …], "pred_saliency_scores": [-0.2, …],
 "pred_exist_score": 0.98}

{"qid": 2579, "query": "A girl …", "duration": 150, "vid": "NUsG9BgSes0_210.0_360.0",
 "relevant_windows": [[82, 150]], "relevant_clip_ids": [41, …],
 "saliency_scores": [[1, 1, 2], …]}
"""

import numpy as np

from slta.errors import InputError
from slta.evaluation.formats.base import Answered, Content, Truth, has, reading
from slta.evaluation.metrics.detr import spread
from slta.evaluation.predictions import (
    Prediction,
    as_existence,
    as_numbers,
    as_rows,
    as_table,
    as_truth,
)
from slta.fields import identity, integers, positive, text

NOTHING = np.zeros((0, 2))
WINDOWS, COLUMNS = "pred_relevant_windows", ("start", "end", "score")


def is_predictions(first: object) -> bool:
    return has(first, "qid") and (
        has(first, "pred_relevant_windows") or has(first, "pred_saliency_scores")
    )


def predictions(content: Content) -> list[Answered]:
    """Windows or saliency may be missing, and so may ``vid`` and ``query``, which
    Moment-DETR's own evaluation ignores."""
    entries = []
    for where, row in content.lines():
        with reading(where):
            windows = as_rows(row.get(WINDOWS, []), WINDOWS, COLUMNS)
            scores = row.get("pred_saliency_scores")
            prediction = Prediction(
                query_id=identity(row, "qid"),
                video_id="" if row.get("vid") is None else identity(row, "vid"),
                query="" if row.get("query") is None else text(row, "query"),
                duration_s=None,
                truth=NOTHING,
                spans=windows[:, :2],
                scores=windows[:, 2],
                final=True,
                saliency=None
                if scores is None
                else as_numbers(scores, "pred_saliency_scores"),
                existence=as_existence(row, "pred_exist_score"),
            )
        entries.append(Answered(where, prediction, has_truth=False))
    return entries


def is_truths(first: object) -> bool:
    return has(first, "qid", "vid", "duration")


def truths(content: Content) -> list[Truth]:
    entries = []
    for where, row in content.lines():
        if "relevant_windows" not in row:
            raise InputError(
                f"{where} has no relevant_windows; give a file with them, such as "
                "highlight_val_release.jsonl"
            )
        with reading(where):
            duration_s = positive(row, "duration")
            saliency = row.get("saliency_scores")
            entries.append(
                Truth(
                    where,
                    identity(row, "qid"),
                    identity(row, "vid"),
                    text(row, "query"),
                    as_truth(row["relevant_windows"], "relevant_windows", duration_s),
                    duration_s,
                    None
                    if saliency is None
                    else spread(
                        integers(row, "relevant_clip_ids"),
                        as_table(saliency, "saliency_scores"),
                        duration_s,
                    ),
                )
            )
    return entries
