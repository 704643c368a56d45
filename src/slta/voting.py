"""Candidates that agree decide together where a moment begins and ends.

Gidaris and Komodakis: Object detection via a multi-region & semantic
segmentation-aware CNN model, ICCV 2015, section 5, for spans instead of boxes.

Shapes: n candidates.
"""

import numpy as np
from jaxtyping import Float

from slta.spans import temporal_iou

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
