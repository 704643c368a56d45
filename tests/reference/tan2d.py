"""2D-TAN cell by cell, as the paper writes it. It reads the weights of a model and shares
no code with it; of the model's own parts it uses torch's LSTM only."""

from itertools import product
from math import ceil, log2

import torch
from torch import Tensor

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.models.tan2d import Tan2D


def on_the_map(first: int, last: int) -> bool:
    """The paper's G(a, b), of clips counted from 0."""
    k = ceil(log2((last - first + 1) / 8))
    if k < 1:
        return True
    step, shift = 2 ** (k - 1), 0 if k == 1 else 2 ** (k + 2) - 1
    return first % step == 0 and (last - shift) % step == 0


def cells(clips: int) -> list[tuple[int, int]]:
    """First and last clip of every moment on the map."""
    return [
        (first, last)
        for first in range(clips)
        for last in range(first, clips)
        if on_the_map(first, last)
    ]


def relevance(
    model: Tan2D, batch: VideoBatch, row: int
) -> dict[tuple[int, int], Tensor]:
    """Of every cell, for one query."""
    weights, config = dict(model.state_dict()), model.config
    words = batch.words[row, : int(batch.word_mask[row].sum())]
    words = (words - weights["words.mean"]) / weights["words.spread"]
    said = model.read(words[None])[0][0, -1]
    said = weights["from_sentence.weight"] @ said + weights["from_sentence.bias"]
    clips = [
        weights["project.weight"]
        @ ((clip - weights["frames.mean"]) / weights["frames.spread"])
        + weights["project.bias"]
        for clip in batch.clips[batch.video[row]]
    ]
    stacked = {} if config.features == "pool" else convolved(model, clips)
    table: dict[tuple[int, int], Tensor] = {}
    for first, last in cells(config.clips):
        if config.features == "pool":
            moment = torch.stack(clips[first : last + 1]).amax(dim=0)
        else:
            moment = stacked[first, last]
        seen = weights["from_moments.weight"] @ moment + weights["from_moments.bias"]
        both = said * seen
        table[first, last] = both / both.square().sum().sqrt()
    reach = config.kernel // 2
    everywhere = list(product(range(config.clips), repeat=2))
    moments = list(table)
    for layer in range(config.layers):
        weight = weights[f"convolutions.{layer}.weight"]
        bias = weights[f"convolutions.{layer}.bias"]
        wider = {}
        for first, last in everywhere:
            total = bias.clone()
            for i in range(-reach, reach + 1):
                for j in range(-reach, reach + 1):
                    if (near := table.get((first + i, last + j))) is not None:
                        total = total + weight[:, :, i + reach, j + reach] @ near
            wider[first, last] = total.clamp(min=0)
        table = wider
    return {
        cell: weights["score.weight"][0] @ table[cell] + weights["score.bias"][0]
        for cell in moments
    }


def convolved(model: Tan2D, clips: list[Tensor]) -> dict[tuple[int, int], Tensor]:
    """Each moment's vector from those of the moments of the next shorter length in it."""
    weights = model.state_dict()
    moments = sorted(cells(len(clips)), key=lambda each: each[1] - each[0])
    found = {(i, i): clip for i, clip in enumerate(clips)}
    sizes = sorted({last - first for first, last in moments})
    for first, last in moments:
        place = sizes.index(last - first) - 1
        if place < 0:
            continue
        inside = [
            found[a, b]
            for a, b in sorted(found)
            if b - a == sizes[place] and first <= a and b <= last
        ]
        weight = weights[f"longer.{place}.weight"]
        assert weight.shape[2] == len(inside)
        total = weights[f"longer.{place}.bias"].clone()
        for i, vector in enumerate(inside):
            total = total + weight[:, :, i] @ vector
        found[first, last] = total
    return found


def loss(model: Tan2D, given: TrainingVideoBatch) -> Tensor:
    config = model.config
    rows = []
    for row in range(len(given.truth_s)):
        found = relevance(model, given.batch, row)
        step_s = float(given.batch.duration_s[row]) / config.clips
        parts = []
        for (first, last), logit in found.items():
            start, end = first * step_s, (last + 1) * step_s
            best = 0.0
            for (low, high), real in zip(
                given.truth_s[row].tolist(), given.truth_mask[row].tolist(), strict=True
            ):
                shared = min(end, high) - max(start, low)
                if real and shared > 0:
                    best = max(best, shared / (max(end, high) - min(start, low)))
            if best <= config.low_iou:
                y = 0.0
            elif best >= config.high_iou:
                y = 1.0
            else:
                y = (best - config.low_iou) / (config.high_iou - config.low_iou)
            p = 1 / (1 + torch.exp(-logit))
            parts.append(-y * p.log() - (1 - y) * (1 - p).log())
        rows.append(sum(parts, torch.zeros(())) / len(parts))
    return sum(rows, torch.zeros(())) / len(rows)
