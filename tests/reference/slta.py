"""SLTA as the paper writes it: one query and one candidate, word by word, frame by frame.

It reads the weights of a model and shares no code with it.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from slta.batches.candidate_batch import Batch
from slta.models.slta import SLTA
from tests.reference.parts import bilstm, softmax


class Answer(NamedTuple):
    relevance: Tensor
    offsets_s: Tensor
    region_weights: list[Tensor]
    """Of the real regions of each frame."""
    word_weights: Tensor


def answer(model: SLTA, batch: Batch, query: int, candidate: int) -> Answer:
    config, weights = model.config, dict(model.state_dict())
    video = int(batch.candidate_video[candidate])
    first = int(batch.candidate_first[candidate])
    frames = range(first, first + int(batch.candidate_count[candidate]))
    said = (batch.words[query] - weights["words.mean"]) / weights["words.spread"]
    words = [said[i] for i in range(batch.words.shape[1]) if batch.word_mask[query, i]]
    objects = _objects(model, batch, query)
    clips = [
        (clip - weights["frames.mean"]) / weights["frames.spread"]
        for clip in batch.clips[candidate]
    ]
    if not config.context:
        clips = clips[1:2]

    attended, region_weights = [], []
    for frame in frames:
        regions = [
            _region(model, batch, video, frame, region)
            for region in range(batch.regions.shape[2])
            if batch.region_mask[video, frame, region]
        ]
        mixed, alphas = [], []
        for n in objects:
            if config.spatial_attention:
                scores = torch.stack([_region_score(weights, v, n) for v in regions])
            else:
                scores = torch.zeros(len(regions))
            alphas.append(softmax(scores))
            mixed.append(sum(a * v for a, v in zip(alphas[-1], regions, strict=True)))
        attended.append(mixed)
        region_weights.append(torch.stack(alphas).mean(dim=0))

    if config.interaction:
        moment = torch.zeros(config.interaction_size)
        for mixed in attended:
            moment = _gru(weights, mixed, moment)
    else:
        moment = sum(sum(mixed) / len(mixed) for mixed in attended) / len(attended)

    if config.language_attention:
        read = bilstm(weights, words, config.word_size)
        seen = sum(weights["clip_content.weight"] @ clip for clip in clips)
        scores = torch.stack(
            [
                weights["word_score.weight"][0]
                @ torch.relu(
                    weights["word_content.weight"] @ q
                    + seen
                    + weights["word_content.bias"]
                )
                for q in read
            ]
        )
    else:
        scores = torch.zeros(len(words))
    counts = [i for i in range(len(words)) if batch.weighed_mask[query, i]]
    beta = torch.zeros(len(words))
    if counts:
        beta[counts] = softmax(scores[counts])
    sentence = sum(b * word for b, word in zip(beta, words, strict=True))

    parts = [torch.cat(clips), moment, sentence]
    if not batch.clip_mask[query]:
        parts[0] = torch.zeros_like(parts[0])
    joined = torch.cat([normalize(part, dim=0) for part in parts])
    first_layer = torch.cat(
        [
            weights["from_clips.weight"],
            weights["from_object.weight"],
            weights["from_sentence.weight"],
        ],
        dim=1,
    )
    hidden = torch.relu(first_layer @ joined + weights["from_sentence.bias"])
    relevance, start, end = weights["answer.weight"] @ hidden + weights["answer.bias"]
    return Answer(relevance, torch.stack([start, end]), region_weights, beta)


def loss(model: SLTA, relevance: Tensor, offsets_s: Tensor, truth_s: Tensor) -> Tensor:
    """Of all pairs of B queries and the B candidates that match them, in their order."""
    size = len(relevance)
    total = torch.zeros(())
    for i in range(size):
        for j in range(size):
            sign = -1 if i == j else 1
            factor = 1 + 1 / size if i == j else 1 / size
            total = total + factor * torch.log(1 + torch.exp(sign * relevance[i, j]))
    away = (offsets_s - truth_s).abs().mean()
    return total / size**2 + model.config.offset_weight * away


def presence(model: SLTA, batch: Batch, query: int, candidate: int) -> Tensor:
    weights, objects = dict(model.state_dict()), _objects(model, batch, query)
    video, first = batch.candidate_video[candidate], batch.candidate_first[candidate]
    found = []
    for frame in range(int(first), int(first + batch.candidate_count[candidate])):
        regions = [
            _region(model, batch, int(video), frame, r)
            for r in range(batch.regions.shape[2])
            if batch.region_mask[video, frame, r]
        ]
        for n in objects:
            scores = [_region_score(weights, v, n) for v in regions]
            found.append(torch.stack(scores).exp().sum().log())
    return sum(found, torch.zeros(())) / len(found)


def _objects(model: SLTA, batch: Batch, query: int) -> list[Tensor]:
    """The vector of the nouns that name each object."""
    weights = dict(model.state_dict())
    said = (batch.words[query] - weights["words.mean"]) / weights["words.spread"]
    words = [i for i in range(batch.words.shape[1]) if batch.word_mask[query, i]]
    nouns = [i for i in words if batch.noun_mask[query, i]]
    if not nouns:
        return [torch.zeros(said.shape[1])] * max(1, model.config.objects)
    loud = 1 if model.config.nouns == "mean" else len(nouns) / 10
    if not model.config.objects:
        return [loud * sum(said[i] for i in nouns) / len(nouns)]
    read = bilstm(weights, [said[i] for i in words], model.config.word_size)
    states = dict(zip(words, read, strict=True))
    found = []
    for row in weights["noun_score.weight"]:
        shares = softmax(torch.stack([row @ states[i] for i in nouns]))
        by = loud * shares
        found.append(sum(b * said[i] for b, i in zip(by, nouns, strict=True)))
    return found


def _region(model: SLTA, batch: Batch, video: int, frame: int, region: int) -> Tensor:
    weights = model.state_dict()
    vector = batch.regions[video, frame, region].float()
    if model.config.boxes:
        x0, y0, x1, y1 = batch.boxes[video, frame, region].tolist()
        box = torch.tensor([x0, y0, x1, y1, (x1 - x0) * (y1 - y0)])
        vector = torch.cat([vector, box])
    return (vector - weights["regions.mean"]) / weights["regions.spread"]


def _region_score(weights: dict[str, Tensor], v: Tensor, n: Tensor) -> Tensor:
    content = torch.tanh(
        weights["spatial.region_content.weight"] @ v
        + weights["spatial.noun_content.weight"] @ n
        + weights["spatial.region_content.bias"]
    )
    gate = torch.sigmoid(
        weights["spatial.region_gate.weight"] @ v
        + weights["spatial.noun_gate.weight"] @ n
        + weights["spatial.region_gate.bias"]
    )
    return weights["spatial.score.weight"][0] @ (content * gate)


def _gru(weights: dict[str, Tensor], attended: list[Tensor], h: Tensor) -> Tensor:
    given = weights["to_interaction.weight"] @ attended[0]
    given = given + weights["to_interaction.bias"]
    for other, u in enumerate(attended[1:]):
        given = given + weights[f"others_to_interaction.{other}.weight"] @ u
    kept = (
        weights["interaction.from_state.weight"] @ h
        + weights["interaction.from_state.bias"]
    )
    given_r, given_z, given_n = given.chunk(3)
    kept_r, kept_z, kept_n = kept.chunk(3)
    r, z = torch.sigmoid(given_r + kept_r), torch.sigmoid(given_z + kept_z)
    n = torch.tanh(given_n + r * kept_n)
    return (1 - z) * n + z * h
