"""The answer without a frame, for one pair."""

from torch import Tensor

from slta.batches.candidate_batch import Batch
from slta.models.blind import QueryOnly


def answer(model: QueryOnly, batch: Batch, query: int, candidate: int) -> Tensor:
    """Relevance and two offsets."""
    weights = dict(model.state_dict())
    mean, spread = weights["sentences.mean"], weights["sentences.spread"]
    said = (batch.sentences[query] - mean) / spread
    said = said / (said @ said).sqrt()
    place = batch.places[candidate] * 2 - 1
    hidden = weights["from_sentence.weight"] @ said + weights["from_sentence.bias"]
    hidden = hidden + weights["from_places.weight"] @ place
    return weights["answer.weight"] @ hidden.clamp(min=0) + weights["answer.bias"]
