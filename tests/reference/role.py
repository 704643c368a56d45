"""ROLE for one query and one candidate, word by word."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from slta.batches.candidate_batch import Batch
from slta.models.role import ROLE
from tests.reference.parts import bilstm, clips, said, softmax


def answer(
    model: ROLE, batch: Batch, query: int, candidate: int
) -> tuple[Tensor, Tensor]:
    """Relevance and two offsets; the weights of the words."""
    weights = dict(model.state_dict())
    words = said(weights, batch, query)
    seen = clips(weights, batch, candidate)
    scores = []
    for state in bilstm(weights, words, model.config.word_size):
        content = weights["word_content.weight"] @ state
        for clip in seen:
            content = content + weights["clip_content.weight"] @ clip
        content = torch.relu(content + weights["word_content.bias"])
        scores.append(weights["word_score.weight"][0] @ content)
    beta = softmax(torch.stack(scores))
    sentence = torch.zeros_like(words[0])
    for share, word in zip(beta, words, strict=True):
        sentence = sentence + share * word
    joined = torch.cat([normalize(torch.cat(seen), dim=0), normalize(sentence, dim=0)])
    layer = torch.cat(
        [weights["from_clips.weight"], weights["from_sentence.weight"]], dim=1
    )
    hidden = torch.relu(layer @ joined + weights["from_sentence.bias"])
    return weights["answer.weight"] @ hidden + weights["answer.bias"], beta
