"""Visual-semantic alignment for one query and one candidate, word by word."""

import torch
from torch import Tensor

from slta.batches.candidate_batch import Batch
from slta.models.vsa import VSA, VSARNNConfig
from tests.reference.parts import clips, lstm, said


def cosine(model: VSA, batch: Batch, query: int, candidate: int) -> Tensor:
    weights = dict(model.state_dict())
    own = clips(weights, batch, candidate)[1]
    reader = {
        name.removeprefix("reader."): values
        for name, values in weights.items()
        if name.startswith("reader.")
    }
    if isinstance(model.config, VSARNNConfig):
        words = said(reader, batch, query)
        *_, read = lstm(reader, words, model.config.word_size)
    else:
        read = batch.sentences[query] - reader["sentences.mean"]
        read = read / reader["sentences.spread"]
    clip = weights["from_clip.weight"] @ own + weights["from_clip.bias"]
    sentence = weights["from_sentence.weight"] @ read + weights["from_sentence.bias"]
    dot, of_clip, of_sentence = torch.zeros(3)
    for c, s in zip(clip, sentence, strict=True):
        dot, of_clip, of_sentence = dot + c * s, of_clip + c * c, of_sentence + s * s
    return dot / (of_clip.sqrt() * of_sentence.sqrt())
