"""Losses of CTRL, which ACRN, ROLE and SLTA use as well, and a hinge loss.

Gao, Sun, Yang, Nevatia: TALL: Temporal Activity Localization via Language Query, ICCV
2017, eq. 2 to 5.

Shapes: p pairs of a query and a candidate.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from slta.batches.candidate_batch import TrainingBatch
from slta.models.base import Scores


def alignment_and_offsets(
    scores: Scores, targets: TrainingBatch, offset_weight: float
) -> Float[Tensor, ""]:
    """Alignment loss plus weighted offset loss."""
    offsets = offset_loss(scores.offsets_s, targets)
    return alignment_loss(scores.relevance, targets) + offset_weight * offsets


def alignment_loss(
    relevance: Float[Tensor, " p"], targets: TrainingBatch
) -> Float[Tensor, ""]:
    """Logistic loss of all pairs. For the B² pairs of a batch, matching ones have weight
    1 + 1/B and others 1/B; with another number of pairs, the others of a query are weighted
    to count as B - 1 would.
    """
    matching, size = targets.matching, len(targets.batch.words)
    query = targets.batch.pairs[:, 0]
    others = torch.bincount(query[~matching], minlength=size).clamp(min=1)
    weight = torch.where(matching, 1 + 1 / size, (1 - 1 / size) / others[query])
    signed = torch.where(matching, -relevance, relevance)
    return (weight * softplus(signed)).sum(dim=0) / size**2


def offset_loss(
    offsets_s: Float[Tensor, "p 2"], targets: TrainingBatch
) -> Float[Tensor, ""]:
    """Mean absolute error of the offsets of matching pairs, in seconds."""
    matching = targets.matching
    error_s = (offsets_s[matching] - targets.offsets_s[matching]).abs()
    return error_s.mean(dim=(0, 1))


def hinge_loss(
    relevance: Float[Tensor, " p"],
    targets: TrainingBatch,
    others: Bool[Tensor, " p"],
    *,
    margin: float,
) -> Float[Tensor, ""]:
    """Hinge loss between the match of a query and its ``others``: the mean over others,
    then over queries; 0 for a query without others."""
    query, matching = targets.batch.pairs[:, 0], targets.matching
    size = len(targets.batch.words)
    match = relevance.new_zeros(size).index_put((query[matching],), relevance[matching])
    short = (margin + relevance - match[query]).relu() * others
    counts = torch.bincount(query[others], minlength=size).clamp(min=1)
    return (short / counts[query]).sum(dim=0) / size
