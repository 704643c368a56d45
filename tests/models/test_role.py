"""ROLE against its equations spelled out, and against SLTA."""

from dataclasses import fields, replace

import pytest
import torch

from slta.models.role import ROLE, ROLEConfig
from slta.models.slta import SLTA, SLTAConfig
from tests.reference import role as slow
from tests.support.batches import ODD, asked, close, made, training_batch
from tests.support.candidate_models import SMALL


def role() -> ROLE:
    model = made(SMALL["role"])
    assert isinstance(model, ROLE)
    return model


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_agrees_with_the_paper_spelled_out(sizes: dict[str, int]) -> None:
    model, batch = role(), asked(**sizes)
    with torch.no_grad():
        scores = model(batch)
    assert scores.word_weights is not None
    for row, (query, candidate) in enumerate(batch.pairs.tolist()[:20]):
        (relevance, *offsets_s), beta = slow.answer(model, batch, query, candidate)
        close(scores.relevance[row], relevance)
        close(scores.offsets_s[row], torch.stack(offsets_s))
        words = int(batch.word_mask[query].sum())
        close(scores.word_weights[row, :words], beta)
        assert not scores.word_weights[row, words:].any()


def test_it_is_slta_that_sees_no_object() -> None:
    mine = role()
    whole = made(
        SLTAConfig(
            attention_size=2,
            interaction_size=2,
            word_size=3,
            language_size=4,
            fusion_size=5,
        )
    )
    assert isinstance(whole, SLTA)
    shared = mine.state_dict()
    assert shared.keys() < whole.state_dict().keys()
    whole.load_state_dict(whole.state_dict() | shared)
    torch.nn.init.zeros_(whole.from_object.weight)
    batch = asked()
    batch = replace(
        batch,
        clip_mask=torch.ones_like(batch.clip_mask),
        weighed_mask=batch.word_mask,
    )
    given = training_batch(batch, torch.ones(len(batch.pairs), 2))
    with torch.no_grad():
        found, expected = mine(batch), whole(batch)
        close(found.relevance, expected.relevance)
        close(found.offsets_s, expected.offsets_s)
        assert found.word_weights is not None
        close(found.word_weights, expected.word_weights)
        close(mine.loss(found, given), whole.loss(expected, given))


def test_word_weights_sum_to_one_and_change_with_the_moment_and_the_query() -> None:
    batch = asked(queries=2, candidates=2, words=4)
    batch = replace(batch, word_mask=torch.ones_like(batch.word_mask))
    with torch.no_grad():
        weights = made(replace(SMALL["role"], language_size=32))(batch).word_weights
    assert weights is not None
    close(weights.sum(dim=1), torch.ones(4))
    assert (weights[0] - weights[1]).abs().max() > 1e-4
    assert (weights[0] - weights[2]).abs().max() > 1e-4


def test_the_sizes_default_to_those_of_slta() -> None:
    usual = SLTAConfig()
    for field in fields(ROLEConfig):
        if field.name != "name":
            assert field.default == getattr(usual, field.name)
