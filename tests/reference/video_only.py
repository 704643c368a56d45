"""The answer without a word, for one candidate."""

import torch
from torch import Tensor

from slta.batches.candidate_batch import Batch
from slta.models.blind import VideoOnly
from tests.reference.parts import clips


def answer(model: VideoOnly, batch: Batch, candidate: int) -> Tensor:
    """Relevance and two offsets."""
    weights = dict(model.state_dict())
    seen = torch.cat(clips(weights, batch, candidate))
    seen = seen / (seen @ seen).sqrt()
    hidden = weights["from_clips.weight"] @ seen + weights["from_clips.bias"]
    return weights["answer.weight"] @ hidden.clamp(min=0) + weights["answer.bias"]
