"""Moment-DETR's answers and QVHighlights' annotations (Lei et al., NeurIPS 2021).

{"qid": 2579, "query": "A girl …", "vid": "NUsG9BgSes0_210.0_360.0",
 "pred_relevant_windows": [[0.0, 70.0, 0.9986], …], "pred_saliency_scores": [-0.2, …]}

{"qid": 2579, "query": "A girl …", "duration": 150, "vid": "NUsG9BgSes0_210.0_360.0",
 "relevant_windows": [[82, 150]], "relevant_clip_ids": [41, …],
 "saliency_scores": [[1, 1, 2], …]}
"""

from typing import Any

import numpy as np

from slta.errors import InputError
from slta.formats.base import Answered, Content, Truth, has, reading
from slta.metrics.detr import spread
from slta.predictions import Prediction, as_numbers, as_spans, as_table

NOTHING = np.zeros((0, 2))


def is_predictions(first: object) -> bool:
    return has(first, "qid") and (
        has(first, "pred_relevant_windows") or has(first, "pred_saliency_scores")
    )


def predictions(content: Content) -> list[Answered]:
    """Either of the two kinds of answers may be left out."""
    found = []
    for where, row in content.lines():
        with reading(where):
            windows = _windows(row.get("pred_relevant_windows", []))
            scores = row.get("pred_saliency_scores")
            prediction = Prediction(
                query_id=str(row["qid"]),
                video_id=str(row["vid"]),
                query=str(row["query"]),
                duration_s=None,
                truth=NOTHING,
                spans=windows[:, :2],
                scores=windows[:, 2],
                final=True,
                saliency=None if scores is None else as_numbers(scores),
            )
        found.append(Answered(where, prediction, has_truth=False))
    return found


def is_truths(first: object) -> bool:
    return has(first, "qid", "vid", "duration")


def truths(content: Content) -> list[Truth]:
    found = []
    for where, row in content.lines():
        if "relevant_windows" not in row:
            raise InputError(
                f"{where} has no relevant_windows; give the release that has them, as "
                "highlight_val_release.jsonl"
            )
        with reading(where):
            duration_s = float(row["duration"])
            given = row.get("saliency_scores")
            found.append(
                Truth(
                    where,
                    str(row["qid"]),
                    str(row["vid"]),
                    str(row["query"]),
                    as_spans(row["relevant_windows"]),
                    duration_s,
                    None
                    if given is None
                    else spread(
                        np.array(row["relevant_clip_ids"], np.int64),
                        as_table(given),
                        duration_s,
                    ),
                )
            )
    return found


def _windows(rows: Any) -> np.ndarray:
    found = np.array(rows, np.float64)
    if len(rows) and found.shape != (len(rows), 3):
        raise ValueError("pred_relevant_windows need a start, an end and a score each")
    return found.reshape(-1, 3)
