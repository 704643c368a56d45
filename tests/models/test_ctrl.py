"""CTRL against its equations spelled out."""

from dataclasses import fields, replace

import pytest
import torch

from slta.models.base import alignment_loss
from slta.models.ctrl import CTRL, CTRLConfig
from tests.reference import ctrl as slow
from tests.support.batches import ODD, asked, close, made, training_batch
from tests.support.candidate_models import SMALL


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_agrees_with_the_paper_spelled_out(sizes: dict[str, int]) -> None:
    model, batch = made(SMALL["ctrl"]), asked(**sizes)
    assert isinstance(model, CTRL)
    with torch.no_grad():
        scores = model(batch)
    for row, (query, candidate) in enumerate(batch.pairs.tolist()[:20]):
        relevance, *offsets_s = slow.answer(model, batch, query, candidate)
        close(scores.relevance[row], relevance)
        close(scores.offsets_s[row], torch.stack(offsets_s))


def test_the_loss_is_the_alignment_and_the_weighed_offsets() -> None:
    batch = asked(queries=3, candidates=3)
    given = training_batch(batch, torch.full((9, 2), 5.0))
    model = made(replace(SMALL["ctrl"], offset_weight=2.0))
    with torch.no_grad():
        scores = model(batch)
        away = (scores.offsets_s[given.matching] - 5).abs().sum() / 6
        expected = alignment_loss(scores.relevance, given) + 2 * away
        close(model.loss(scores, given), expected)


def test_the_sizes_default_to_the_papers() -> None:
    sizes = {f.name: f.default for f in fields(CTRLConfig) if f.name.endswith("_size")}
    assert sizes == {"common_size": 1024, "hidden_size": 1000}
