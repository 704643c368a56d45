"""QD-DETR for one query at a time, without its padding. It reads the weights of a model
and shares no code with it."""

from math import exp, log, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.qd_detr import QDDETR
from tests.reference import detr_losses
from tests.reference.transformer import (
    attend,
    feedforward,
    linear,
    mlp,
    norm,
    part,
    place,
    placed,
    projection,
    standardised,
    wave,
)


class Answer(NamedTuple):
    spans: list[Tensor]
    """Centres and widths, of each layer."""
    relevance: list[Tensor]
    saliency: Tensor


def answer(
    model: QDDETR, batch: VideoBatch, row: int, asked: int | None = None
) -> Answer:
    """Of the video of a row, for its own query or for that of the row ``asked``."""
    weights, config = dict(model.state_dict()), model.config
    heads, size = config.heads, config.size
    other = row if asked is None else asked
    shown = batch.clips[batch.video[row]][batch.clip_mask[row]]
    seen = standardised(part(weights, "frames"), shown)
    said = standardised(
        part(weights, "words"), batch.words[other][batch.word_mask[other]]
    )
    clips = [placed(weights, seen, i) for i in range(len(seen))]
    words = [projection(part(weights, "from_words"), each) for each in said]
    at = [place((i + 0.5) / len(seen), size) for i in range(len(seen))]
    words_at = [wave(i, size) for i in range(len(said))]
    for i in range(config.reading_layers):
        layer = part(weights, f"reading.{i}")
        clips = attend(part(layer, "attend"), heads, clips, at, words, words_at)
        clips = feedforward(part(layer, "feedforward"), clips)
    rows, rows_at = [*clips, weights["token"]], [*at, weights["token_at"]]
    for i in range(config.encoder_layers):
        layer = part(weights, f"encoder.{i}")
        rows = attend(part(layer, "attend"), heads, rows, rows_at, rows, rows_at)
        rows = feedforward(part(layer, "feedforward"), rows)
    *clips, token = rows
    judge = linear(part(weights, "from_token"), token)
    saliency = [
        judge @ linear(part(weights, "from_clip"), clip) / sqrt(size) for clip in clips
    ]
    found = decoded(part(weights, "decoder"), config.decoder_layers, heads, clips, at)
    return Answer(*found, torch.stack(saliency))


def decoded(
    weights: dict[str, Tensor],
    layers: int,
    heads: int,
    clips: list[Tensor],
    at: list[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    targets = list(weights["moment_queries"])
    anchors = [(sigmoid(c), sigmoid(w)) for c, w in weights["anchors"].tolist()]
    spans, relevance = [], []
    for i in range(layers):
        layer = part(weights, f"layers.{i}")
        places, looks = [], []
        for target, (centre, width) in zip(targets, anchors, strict=True):
            size = len(target)
            both = torch.cat([place(centre, size), place(width, size)])
            places.append(mlp(part(weights, "among"), both))
            wanted = sigmoid(float(mlp(part(weights, "width"), target)))
            stretch = mlp(part(weights, "stretch"), target)
            looks.append(place(centre, size) * stretch * wanted / max(width, 0.01))
        targets = attend(part(layer, "among"), heads, targets, places, targets, places)
        targets = attend(part(layer, "attend"), heads, targets, looks, clips, at)
        targets = feedforward(part(layer, "feedforward"), targets)
        moved, told = [], []
        for target, anchor in zip(targets, anchors, strict=True):
            found = norm(part(weights, "norm"), target)
            step = mlp(part(weights, "move"), found).tolist()
            moved.append(
                [
                    sigmoid(log(a / (1 - a)) + d)
                    for a, d in zip(anchor, step, strict=True)
                ]
            )
            told.append(linear(part(weights, "class_head"), found))
        anchors = [(c, w) for c, w in moved]
        spans.append(torch.tensor(moved))
        relevance.append(torch.cat(told))
    return spans, relevance


def saliency_losses(model: QDDETR, given: TrainingVideoBatch) -> tuple[float, float]:
    """The contrast within videos, and what queries that are elsewhere cost."""
    config, count = model.config, len(given.batch.words)
    contrasts, lows = [], []
    for row in range(count):
        own = answer(model, given.batch, row).saliency.tolist()
        there: list[float] = []
        for step in range(1, count):
            asked = (row + step) % count
            if given.batch.video[asked] != given.batch.video[row]:
                there = answer(model, given.batch, row, asked).saliency.tolist()
                break
        here = detr_losses.inside(given, row)
        raised = [exp(s / config.temperature) for s in [*own, *there]]
        if any(here):
            true = sum(e for e, of in zip(raised, here, strict=False) if of)
            contrasts.append(-log(true / sum(raised)))
        elsewhere = there if given.truth_mask[row].any() else [*own, *there]
        if elsewhere:
            lows.append(sum(-log(1 - sigmoid(s)) for s in elsewhere))
    return (
        sum(contrasts) / max(1, len(contrasts)),
        sum(lows) / max(1, len(lows)),
    )


def sigmoid(value: float) -> float:
    return 1 / (1 + exp(-value))
