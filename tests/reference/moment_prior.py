"""The answer to a place alone, for one candidate."""

from torch import Tensor

from slta.batches.candidate_batch import Batch
from slta.models.blind import MomentPrior


def answer(model: MomentPrior, batch: Batch, candidate: int) -> Tensor:
    """Relevance and two offsets."""
    weights = dict(model.state_dict())
    start, end = batch.places[candidate]
    by_start, by_end = weights["from_places.weight"].unbind(dim=1)
    hidden = weights["from_places.bias"].clone()
    hidden += by_start * (2 * start - 1) + by_end * (2 * end - 1)
    return weights["answer.weight"] @ hidden.clamp(min=0) + weights["answer.bias"]
