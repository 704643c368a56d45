"""Parts of the slow spellings: clips and words one by one, with a model's weights."""

import torch
from torch import Tensor

from slta.batches.candidate_batch import Batch


def said(weights: dict[str, Tensor], batch: Batch, query: int) -> list[Tensor]:
    """The words that are there, on the scale of the training split."""
    return [
        (batch.words[query, i] - weights["words.mean"]) / weights["words.spread"]
        for i in range(batch.words.shape[1])
        if batch.word_mask[query, i]
    ]


def clips(weights: dict[str, Tensor], batch: Batch, candidate: int) -> list[Tensor]:
    """Before, inside and after, on the scale of the training split."""
    return [
        (clip - weights["frames.mean"]) / weights["frames.spread"]
        for clip in batch.clips[candidate]
    ]


def softmax(scores: Tensor) -> Tensor:
    raised = torch.exp(scores - scores.max())
    return raised / raised.sum()


def bilstm(weights: dict[str, Tensor], words: list[Tensor], size: int) -> list[Tensor]:
    forward = lstm(weights, words, size, "")
    backward = lstm(weights, words[::-1], size, "_reverse")[::-1]
    return [torch.cat(both) for both in zip(forward, backward, strict=True)]


def lstm(
    weights: dict[str, Tensor], words: list[Tensor], size: int, way: str = ""
) -> list[Tensor]:
    """The states at the words, in the order in which they are given."""
    h, c = torch.zeros(size), torch.zeros(size)
    states = []
    for word in words:
        gates = (
            weights[f"read.weight_ih_l0{way}"] @ word
            + weights[f"read.bias_ih_l0{way}"]
            + weights[f"read.weight_hh_l0{way}"] @ h
            + weights[f"read.bias_hh_l0{way}"]
        )
        i, f, g, o = gates.chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return states
