"""ACRN against its equations spelled out."""

from dataclasses import replace

import pytest
import torch

from slta.models.acrn import ACRN, ACRNConfig
from tests.reference import acrn as slow
from tests.support.batches import ODD, asked, close, made
from tests.support.candidate_models import SMALL


def acrn() -> ACRN:
    model = made(SMALL["acrn"])
    assert isinstance(model, ACRN)
    return model


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_agrees_with_the_paper_spelled_out(sizes: dict[str, int]) -> None:
    model, batch = acrn(), asked(**sizes)
    with torch.no_grad():
        scores = model(batch)
    for row, (query, candidate) in enumerate(batch.pairs.tolist()[:20]):
        (relevance, *offsets_s), weights = slow.answer(model, batch, query, candidate)
        close(scores.relevance[row], relevance)
        close(scores.offsets_s[row], torch.stack(offsets_s))
        close(scores.clip_weights[row], weights)


def test_clip_weights_sum_to_one_and_change_with_the_query() -> None:
    with torch.no_grad():
        weights = acrn()(asked(queries=2, candidates=1)).clip_weights
    close(weights.sum(dim=1), torch.ones(2))
    assert (weights >= 0).all()
    assert (weights[0] - weights[1]).abs().max() > 1e-3


def test_the_parts_of_a_memory_must_be_as_large() -> None:
    with pytest.raises(ValueError, match=r"pooled_size must divide .* 1000, got 300"):
        replace(ACRNConfig(), pooled_size=300)
