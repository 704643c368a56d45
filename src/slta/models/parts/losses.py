"""What CTRL minimises, and ACRN, ROLE and SLTA after it.

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
    scores: Scores, given: TrainingBatch, offset_weight: float
) -> Float[Tensor, ""]:
    """Both parts below, the second with its weight."""
    offsets = offset_loss(scores.offsets_s, given)
    return alignment_loss(scores.relevance, given) + offset_weight * offsets


def alignment_loss(
    relevance: Float[Tensor, " p"], given: TrainingBatch
) -> Float[Tensor, ""]:
    """With all B² pairs of a batch, the B that match count 1 + 1/B each and the others
    1/B. Where fewer or more pairs are drawn, the others of a query count together as much
    as its B - 1 would.
    """
    matching, size = given.matching, len(given.batch.words)
    query = given.batch.pairs[:, 0]
    others = torch.bincount(query[~matching], minlength=size).clamp(min=1)
    weight = torch.where(matching, 1 + 1 / size, (1 - 1 / size) / others[query])
    signed = torch.where(matching, -relevance, relevance)
    return (weight * softplus(signed)).sum(dim=0) / size**2


def offset_loss(
    offsets_s: Float[Tensor, "p 2"], given: TrainingBatch
) -> Float[Tensor, ""]:
    """How far the offsets of the matching pairs are from the true ones, in seconds."""
    matching = given.matching
    away = (offsets_s[matching] - given.offsets_s[matching]).abs()
    return away.mean(dim=(0, 1))


def hinge_loss(
    relevance: Float[Tensor, " p"],
    given: TrainingBatch,
    others: Bool[Tensor, " p"],
    *,
    margin: float,
) -> Float[Tensor, ""]:
    """By how much a match fails to be more relevant, by the margin, than the ``others``
    of its query: their mean, and then the queries'. A query without any counts 0."""
    query, matching = given.batch.pairs[:, 0], given.matching
    size = len(given.batch.words)
    match = relevance.new_zeros(size).index_put((query[matching],), relevance[matching])
    short = (margin + relevance - match[query]).relu() * others
    counts = torch.bincount(query[others], minlength=size).clamp(min=1)
    return (short / counts[query]).sum(dim=0) / size
