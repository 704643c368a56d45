"""What MCN and visual-semantic alignment minimise.

Shapes: p pairs of a query and a candidate.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from slta.datasets.batch import TrainingBatch


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
