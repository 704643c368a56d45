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
    Weights,
    attend,
    attended,
    feedforward,
    linear,
    mlp,
    norm,
    part,
    place,
    placed,
    projection,
    softmax,
    standardised,
    told,
    weighted,
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
    at = [place((i + 1) / len(seen), size) for i in range(len(seen))]
    words_at = [torch.zeros(size)] * len(said)
    for i in range(config.reading_layers):
        layer = part(weights, f"reading.{i}")
        clips = attended(layer, heads, clips, at, words, words_at)
        normal = [norm(part(layer, "norm"), clip) for clip in clips]
        clips = feedforward(part(layer, "feedforward"), normal, clips)
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
    weights: Weights,
    layers: int,
    heads: int,
    clips: list[Tensor],
    at: list[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    anchors = [(sigmoid(c), sigmoid(w)) for c, w in weights["anchors"].tolist()]
    targets = [weights["start"]] * len(anchors)
    size = len(weights["start"])
    spans, relevance = [], []
    for i in range(layers):
        layer = part(weights, f"layers.{i}")
        places, looks = [], []
        for target, (centre, width) in zip(targets, anchors, strict=True):
            both = torch.cat([place(centre, size // 2), place(width, size // 2)])
            places.append(mlp(part(weights, "position"), both))
            if i == 0:
                wanted = mlp(part(weights, "width"), torch.zeros(size))
            else:
                wanted = mlp(part(weights, "width"), target)
                both = both * mlp(part(weights, "stretch"), target)
            looks.append(both * sigmoid(float(wanted)) / width)
        if i:
            targets = among(part(layer, "among"), heads, targets, places)
        targets = around(
            part(layer, "around"), heads, targets, places, looks, clips, at
        )
        targets = feedforward(part(layer, "feedforward"), targets)
        said, moved, sure = [], [], []
        for target, anchor in zip(targets, anchors, strict=True):
            found = norm(part(weights, "norm"), target)
            said.append(shifted(anchor, mlp(part(weights, "span"), found)))
            moved.append(shifted(anchor, mlp(part(weights, "move"), target)))
            sure.append(told(part(weights, "class_head"), found))
        spans.append(torch.tensor(said))
        relevance.append(torch.stack(sure))
        anchors = moved
    return spans, relevance


def shifted(anchor: tuple[float, float], by: Tensor) -> tuple[float, float]:
    """No anchor of the tests is within a thousandth of 0 or 1."""
    centre, width = (
        sigmoid(log(share / (1 - share)) + step)
        for share, step in zip(anchor, by.tolist(), strict=True)
    )
    return centre, width


def among(
    weights: Weights, heads: int, targets: list[Tensor], places: list[Tensor]
) -> list[Tensor]:
    queries, keys = (
        [
            linear_of(weights, name, target) + linear_of(weights, f"{name}_at", here)
            for target, here in zip(targets, places, strict=True)
        ]
        for name in ("query", "key")
    )
    return looked(
        weights, heads, targets, split(queries, heads), split(keys, heads), targets
    )


def around(
    weights: Weights,
    heads: int,
    targets: list[Tensor],
    places: list[Tensor],
    looks: list[Tensor],
    clips: list[Tensor],
    at: list[Tensor],
) -> list[Tensor]:
    queries = [linear_of(weights, "query", target) for target in targets]
    keys = [linear_of(weights, "key", clip) for clip in clips]
    keys_at = [linear_of(weights, "key_at", there) for there in at]
    if "query_at.weight" in weights:
        queries = [
            query + linear_of(weights, "query_at", here)
            for query, here in zip(queries, places, strict=True)
        ]
        keys = [key + there for key, there in zip(keys, keys_at, strict=True)]
    looking = [linear_of(weights, "place", look) for look in looks]
    return looked(
        weights,
        heads,
        targets,
        beside(split(queries, heads), split(looking, heads)),
        beside(split(keys, heads), split(keys_at, heads)),
        clips,
    )


def looked(
    weights: Weights,
    heads: int,
    targets: list[Tensor],
    queries: list[list[Tensor]],
    keys: list[list[Tensor]],
    memory: list[Tensor],
) -> list[Tensor]:
    values = split([linear_of(weights, "value", each) for each in memory], heads)
    rows = []
    for target, query in zip(targets, queries, strict=True):
        found = []
        for head in range(heads):
            scores = [query[head] @ key[head] / sqrt(len(key[head])) for key in keys]
            found.append(weighted(softmax(scores), [value[head] for value in values]))
        out = linear_of(weights, "out", torch.cat(found))
        rows.append(norm(part(weights, "norm"), target + out))
    return rows


def linear_of(weights: Weights, name: str, row: Tensor) -> Tensor:
    """A layer of that name; keys have no bias."""
    return weights[f"{name}.weight"] @ row + weights.get(f"{name}.bias", 0.0)


def split(rows: list[Tensor], heads: int) -> list[list[Tensor]]:
    return [list(row.chunk(heads)) for row in rows]


def beside(one: list[list[Tensor]], other: list[list[Tensor]]) -> list[list[Tensor]]:
    return [
        [torch.cat(pair) for pair in zip(*rows, strict=True)]
        for rows in zip(one, other, strict=True)
    ]


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
            shares = [
                e / sum(raised) for e, of in zip(raised, here, strict=False) if of
            ]
            contrasts.append(-sum(map(log, shares)) / len(shares) / 12)
        elsewhere = there if given.truth_mask[row].any() else [*own, *there]
        if elsewhere:
            lows.append(sum(-log(1 - sigmoid(s)) for s in elsewhere))
    return (
        sum(contrasts) / max(1, len(contrasts)),
        sum(lows) / max(1, len(lows)),
    )


def sigmoid(value: float) -> float:
    return 1 / (1 + exp(-value))
