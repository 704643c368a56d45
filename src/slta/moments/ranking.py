"""The one place where scores become moments: evaluation, command and service use it."""

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
    """The moments that a model's scores say, best first; no candidates give none.

    Each candidate is moved by its offsets and cut to the video. What is then empty is
    dropped, and so is what overlaps a better moment by an IoU above ``nms_iou``
    (``None`` keeps them). Equal scores stay in the order of the candidates.
    """
    if not 0 < duration_s < inf:
        raise ValueError(
            f"video {video_id!r} needs a length above 0 s, got {duration_s} s"
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
            "NaN in its features, then in the weights of the model"
        )


SHARPNESS = 3.0
"""Of the votes: how much a standard deviation of relevance counts, chosen on val."""
BLOCK = 1 << 22
"""Pairs of candidates that are compared at a time."""


def vote(
    spans: Float[np.ndarray, "n 2"], relevance: Float[np.ndarray, " n"], *, iou: float
) -> Float[np.ndarray, "n 2"]:
    """Each span becomes the mean of those that overlap it by at least ``iou``, weighed by
    exp(3 z), where z is the relevance in standard deviations over all candidates.

    So models whose relevance is of different size vote alike. A span without a length
    stays as it is.
    """
    spans = spans.astype(np.float64)
    spread = relevance.std(dtype=np.float64) or 1.0
    z = (relevance.astype(np.float64) - relevance.max(initial=-np.inf)) / spread
    weights = np.exp(SHARPNESS * z)
    found = spans.copy()
    rows = max(1, BLOCK // max(1, len(spans)))
    for start in range(0, len(spans), rows):
        some = slice(start, start + rows)
        votes = (temporal_iou(spans[some], spans) >= iou) * weights
        total = votes.sum(axis=1, keepdims=True)
        np.divide(votes @ spans, total, out=found[some], where=total > 0)
    return found
