"""MCN for one query and one candidate, word by word."""

import torch
from torch import Tensor

from slta.batches.candidate_batch import Batch
from slta.models.mcn import MCN
from tests.reference.parts import clips, lstm, said


def squared_distance(model: MCN, batch: Batch, query: int, candidate: int) -> Tensor:
    weights = dict(model.state_dict())
    own = clips(weights, batch, candidate)[1]
    whole = batch.video_means[candidate] - weights["frames.mean"]
    whole = whole / weights["frames.spread"]
    start, end = batch.places[candidate].tolist()
    seen = torch.cat([own, whole, torch.tensor([start, end])])
    hidden = (weights["see.weight"] @ seen + weights["see.bias"]).clamp(min=0)
    moment = weights["from_moment.weight"] @ hidden + weights["from_moment.bias"]
    *_, read = lstm(weights, said(weights, batch, query), model.config.word_size)
    sentence = weights["from_sentence.weight"] @ read + weights["from_sentence.bias"]
    total = torch.zeros(())
    for m, s in zip(moment, sentence, strict=True):
        total = total + (m - s) ** 2
    return total
