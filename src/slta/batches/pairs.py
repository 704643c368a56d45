"""Training pairs: which candidates match a query.

Shapes: c candidates · m true spans.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from slta.moments.spans import temporal_iou


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Thresholds of a match; the defaults are CTRL's (Gao et al., TALL, ICCV 2017), as in
    SLTA."""

    match_iou: float = 0.5
    """Minimum IoU of a match, exclusive."""
    match_outside: float = 0.15
    """Maximum share of a match outside the truth, exclusive."""
    other_iou: float = 0.3
    """IoU below which a candidate is a negative; those in between are unused. Not in
    CTRL."""


USUAL = Rule()


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """How the candidates of a video match a query."""

    matching: Bool[np.ndarray, " c"]
    other: Bool[np.ndarray, " c"]
    """Negatives: IoU below ``other_iou`` with every true span."""
    near: Bool[np.ndarray, " c"]
    """Negatives that overlap a true span."""
    offsets_s: Float[np.ndarray, "c 2"]
    """From the candidate to the true span with the best IoU."""


def matches(
    candidates: Float[np.ndarray, "c 2"],
    truth: Float[np.ndarray, "m 2"],
    rule: Rule = USUAL,
) -> Matches:
    """Matches of a query; without true spans nothing matches, and offsets are 0."""
    if not len(truth):
        none = np.zeros(len(candidates), bool)
        return Matches(none, ~none, none, np.zeros((len(candidates), 2)))
    iou = temporal_iou(candidates, truth)
    best = iou.argmax(axis=1)
    true = truth[best]
    length_s = candidates[:, 1] - candidates[:, 0]
    shared_s = np.minimum(candidates[:, 1], true[:, 1]) - np.maximum(
        candidates[:, 0], true[:, 0]
    )
    best_iou = iou.max(axis=1)
    outside = 1 - np.maximum(shared_s, 0) / length_s
    other = best_iou < rule.other_iou
    return Matches(
        matching=(best_iou > rule.match_iou) & (outside < rule.match_outside),
        other=other,
        near=other & (best_iou > 0),
        offsets_s=true - candidates,
    )


def matching_frames(
    windows: Int[np.ndarray, "c 2"], truth: Int[np.ndarray, " 2"]
) -> Int[np.ndarray, "n 2"]:
    """The matching windows of a query, in the SLTA release's frames.

    >>> windows = np.array([[41, 57], [49, 65], [57, 73]])
    >>> matching_frames(windows, np.array([43, 68])).tolist()
    [[41, 57], [49, 65]]
    """
    matched = matches(windows.astype(np.float64), truth[None].astype(np.float64))
    return windows[matched.matching]
