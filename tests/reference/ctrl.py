"""CTRL for one query and one candidate, number by number."""

import torch
from torch import Tensor

from slta.datasets.batch import Batch
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
    size = len(clip)
    products = torch.stack([sentence[i] * clip[i] for i in range(size)])
    sums = torch.stack([sentence[i] + clip[i] for i in range(size)])
    matrix, bias = weights["joint.weight"], weights["joint.bias"]
    joint = torch.stack(
        [
            matrix[i, :size] @ sentence + matrix[i, size:] @ clip + bias[i]
            for i in range(size)
        ]
    ).clamp(min=0)
    hidden = weights["hidden.bias"].clone()
    for part, columns in zip(
        (products, sums, joint),
        weights["hidden.weight"].split(size, dim=1),
        strict=True,
    ):
        hidden = hidden + columns @ part
    return weights["answer.weight"] @ hidden.clamp(min=0) + weights["answer.bias"]
