"""Training pairs: candidates that match a query, and those that do not.

Shapes: c candidates · m true spans.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from slta.moments.spans import temporal_iou


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which candidates match; the defaults are CTRL's (Gao et al., TALL, ICCV 2017),
    which SLTA took over."""

    match_iou: float = 0.5
    """A candidate matches above that IoU ..."""
    match_outside: float = 0.15
    """... with less than that share of it outside the truth."""
    other_iou: float = 0.3
    """Below that IoU a candidate is no answer; one between is neither. CTRL has none."""


USUAL = Rule()


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """How the candidates of a video fit a query."""

    matching: Bool[np.ndarray, " c"]
    other: Bool[np.ndarray, " c"]
    """Those that are no answer: IoU below ``other_iou`` with every true span."""
    near: Bool[np.ndarray, " c"]
    """Others that share time with a true span."""
    offsets_s: Float[np.ndarray, "c 2"]
    """From the candidate to the true span that it fits best."""


def matches(
    candidates: Float[np.ndarray, "c 2"],
    truth: Float[np.ndarray, "m 2"],
    rule: Rule = USUAL,
) -> Matches:
    """Without a truth nothing matches, and the offsets are 0."""
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
    fit = iou.max(axis=1)
    outside = 1 - np.maximum(shared_s, 0) / length_s
    other = fit < rule.other_iou
    return Matches(
        matching=(fit > rule.match_iou) & (outside < rule.match_outside),
        other=other,
        near=other & (fit > 0),
        offsets_s=true - candidates,
    )


def matching_frames(
    windows: Int[np.ndarray, "c 2"], truth: Int[np.ndarray, " 2"]
) -> Int[np.ndarray, "n 2"]:
    """The windows that a query is trained with, in the SLTA release's frames.

    >>> windows = np.array([[41, 57], [49, 65], [57, 73]])
    >>> matching_frames(windows, np.array([43, 68])).tolist()
    [[41, 57], [49, 65]]
    """
    found = matches(windows.astype(np.float64), truth[None].astype(np.float64))
    return windows[found.matching]
