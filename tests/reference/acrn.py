"""ACRN for one query and one candidate, clip by clip and number by number."""

import torch
from torch import Tensor

from slta.batches.candidate_batch import Batch
from slta.models.acrn import ACRN
from tests.reference.parts import clips


def answer(
    model: ACRN, batch: Batch, query: int, candidate: int
) -> tuple[Tensor, Tensor]:
    """Relevance and two offsets; the weights of the clips."""
    weights = dict(model.state_dict())
    said = batch.sentences[query] - weights["sentences.mean"]
    said = said / weights["sentences.spread"]
    sentence = weights["from_sentence.weight"] @ said + weights["from_sentence.bias"]
    memories = [
        weights["from_clip.weight"] @ clip + weights["from_clip.bias"]
        for clip in clips(weights, batch, candidate)
    ]
    fits = []
    for memory in memories:
        fit = torch.zeros(())
        for m, q in zip(memory, sentence, strict=True):
            fit = fit + 1 / (1 + torch.exp(-m)) * 1 / (1 + torch.exp(-q))
        fits.append(fit)
    total = fits[0] + fits[1] + fits[2]
    moment = torch.zeros_like(sentence)
    for fit, memory in zip(fits, memories, strict=True):
        moment = moment + fit / total * memory

    size = model.config.pooled_size
    pooled_moment = [part.mean() for part in moment.chunk(size)]
    pooled_sentence = [part.mean() for part in sentence.chunk(size)]
    one = torch.ones(())
    fused = [m * q for m in [*pooled_moment, one] for q in [*pooled_sentence, one]]
    hidden = weights["hidden.weight"] @ torch.stack(fused) + weights["hidden.bias"]
    answers = weights["answer.weight"] @ hidden.clamp(min=0) + weights["answer.bias"]
    return answers, torch.stack(fits) / total
