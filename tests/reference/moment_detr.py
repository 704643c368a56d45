"""Moment-DETR for one query at a time, without its padding. It reads the weights of a
model and shares no code with it."""

from typing import NamedTuple

import torch
from torch import Tensor

from slta.batches.video_batch import VideoBatch
from slta.models.moment_detr import MomentDETR
from tests.reference.transformer import (
    attend,
    feedforward,
    mlp,
    norm,
    part,
    place,
    placed,
    projection,
    standardised,
    told,
)


class Answer(NamedTuple):
    spans: list[Tensor]
    """Centres and widths, of each layer."""
    relevance: list[Tensor]
    saliency: Tensor


def answer(model: MomentDETR, batch: VideoBatch, row: int) -> Answer:
    weights, config = dict(model.state_dict()), model.config
    heads, size = config.heads, config.size
    shown = batch.clips[batch.video[row]][batch.clip_mask[row]]
    seen = standardised(part(weights, "frames"), shown)
    said = standardised(part(weights, "words"), batch.words[row][batch.word_mask[row]])
    memory = [placed(weights, seen, i) for i in range(len(seen))]
    memory += [projection(part(weights, "from_words"), each) for each in said]
    at = [place((i + 1) / len(seen), size) for i in range(len(seen))]
    at += [torch.zeros(size)] * len(said)
    for i in range(config.encoder_layers):
        layer = part(weights, f"encoder.{i}")
        memory = attend(part(layer, "attend"), heads, memory, at, memory, at)
        memory = feedforward(part(layer, "feedforward"), memory)
    saliency = torch.cat(
        [weights["saliency.weight"] @ clip for clip in memory[: len(seen)]]
    )
    saliency = saliency + weights["saliency_bias"]
    places = list(weights["moment_queries"])
    targets = [weights["start"]] * len(places)
    spans, relevance = [], []
    for i in range(config.decoder_layers):
        layer = part(weights, f"decoder.{i}")
        if i:
            among = part(layer, "among")
            targets = attend(among, heads, targets, places, targets, places)
        targets = attend(part(layer, "attend"), heads, targets, places, memory, at)
        targets = feedforward(part(layer, "feedforward"), targets)
        found = [norm(part(weights, "norm"), target) for target in targets]
        spans.append(
            torch.stack(
                [1 / (1 + torch.exp(-mlp(part(weights, "span"), f))) for f in found]
            )
        )
        relevance.append(
            torch.stack([told(part(weights, "class_head"), f) for f in found])
        )
    return Answer(spans, relevance, saliency)
