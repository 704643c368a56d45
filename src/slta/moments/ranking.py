"""Scored candidates to ranked moments: the only place, for evaluation and search alike."""

from math import inf

import numpy as np
from jaxtyping import Float, Shaped

from slta.moments import Moment, Span
from slta.moments.spans import clamp, nms, temporal_iou


def rank(
    video_id: str,
    spans: Float[np.ndarray, "n 2"],
    scores: Float[np.ndarray, " n"],
    *,
    duration_s: float,
    offsets_s: Float[np.ndarray, "n 2"] | None = None,
    nms_iou: float | None = 0.5,
    top: int | None = None,
) -> list[Moment]:
    """Moments by descending score; ties keep the order of the candidates.

    Candidates (seconds) are moved by their offsets and clamped to the video; empty ones are
    dropped. Non-maximum suppression removes those with an IoU above ``nms_iou`` with a
    better one; ``None`` disables it.
    """
    if not 0 < duration_s < inf:
        raise ValueError(
            f"the length of video {video_id!r} must be above 0 s, got {duration_s} s"
        )
    if top is not None and top < 1:
        raise ValueError(f"top must be at least 1, or None for all, got {top}")
    _check_finite(video_id, "candidates", spans)
    _check_finite(video_id, "scores", scores)
    if offsets_s is not None:
        _check_finite(video_id, "offsets", offsets_s)
        spans = spans.astype(np.float64) + offsets_s
    spans = clamp(spans, duration_s)

    real = np.flatnonzero(spans[:, 0] < spans[:, 1])
    spans, scores = spans[real], scores[real]
    if nms_iou is None:
        order = np.argsort(-scores, kind="stable")[:top]
    else:
        order = nms(spans, scores, iou=nms_iou, top=top)
    return [
        Moment(video_id, Span(start, end), score)
        for (start, end), score in zip(
            spans[order].tolist(), scores[order].tolist(), strict=True
        )
    ]


def _check_finite(
    video_id: str, what: str, values: Shaped[np.ndarray, "n ..."]
) -> None:
    wrong = np.unique(np.nonzero(~np.isfinite(values))[0])
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(values)} {what} for video {video_id!r} are not "
            f"finite (the first: {values[wrong[0]]} at candidate {wrong[0]}); look for "
            "NaN in the video's features, then in the model's weights"
        )


SHARPNESS = 3.0
"""Weight of a vote per standard deviation of relevance, chosen on val."""
BLOCK = 1 << 22
"""Pairs of candidates compared at a time, to bound memory."""


def vote(
    spans: Float[np.ndarray, "n 2"], relevance: Float[np.ndarray, " n"], *, iou: float
) -> Float[np.ndarray, "n 2"]:
    """Box voting in time: each span becomes the weighted mean of the spans that overlap it
    by an IoU of at least ``iou``. The weight is exp(3 z), with z the relevance standardised
    over all candidates. Empty spans stay unchanged.
    """
    spans = spans.astype(np.float64)
    spread = relevance.std(dtype=np.float64) or 1.0
    z = (relevance.astype(np.float64) - relevance.max(initial=-np.inf)) / spread
    weights = np.exp(SHARPNESS * z)
    voted = spans.copy()
    rows = max(1, BLOCK // max(1, len(spans)))
    for start in range(0, len(spans), rows):
        some = slice(start, start + rows)
        votes = (temporal_iou(spans[some], spans) >= iou) * weights
        total = votes.sum(axis=1, keepdims=True)
        np.divide(votes @ spans, total, out=voted[some], where=total > 0)
    return voted
