"""CTRL for one query and one candidate, number by number."""

import torch
from torch import Tensor

from slta.batches.candidate_batch import Batch
from slta.models.ctrl import CTRL
from tests.reference.parts import clips


def answer(model: CTRL, batch: Batch, query: int, candidate: int) -> Tensor:
    """Relevance and two offsets."""
    weights = dict(model.state_dict())
    seen = torch.cat(clips(weights, batch, candidate))
    said = batch.sentences[query] - weights["sentences.mean"]
    said = said / weights["sentences.spread"]
    clip = weights["from_clips.weight"] @ seen + weights["from_clips.bias"]
    sentence = weights["from_sentence.weight"] @ said + weights["from_sentence.bias"]
    clip = clip / clip.square().sum().sqrt()
    sentence = sentence / sentence.square().sum().sqrt()
    size = len(clip)
    products = torch.stack([sentence[i] * clip[i] for i in range(size)])
    sums = torch.stack([sentence[i] + clip[i] for i in range(size)])
    hidden = weights["hidden.bias"].clone()
    for part, columns in zip(
        (products, sums, sentence, clip),
        weights["hidden.weight"].split(size, dim=1),
        strict=True,
    ):
        hidden = hidden + columns @ part
    return weights["answer.weight"] @ hidden.clamp(min=0) + weights["answer.bias"]
