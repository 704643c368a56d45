"""Visual-semantic alignment against its equations spelled out, for both readers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from slta.models.vsa import VSA
from tests.reference import hinge
from tests.reference import vsa as slow
from tests.support.batches import ODD, asked, close, made, training_batch
from tests.support.candidate_models import SMALL

BOTH = ("vsa_rnn", "vsa_stv")


def vsa(name: str) -> VSA:
    model = made(SMALL[name])
    assert isinstance(model, VSA)
    return model


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
@pytest.mark.parametrize("name", BOTH)
def test_agrees_with_the_papers_spelled_out(name: str, sizes: dict[str, int]) -> None:
    model, batch = vsa(name), asked(**sizes)
    with torch.no_grad():
        scores = model(batch)
    for row, (query, candidate) in enumerate(batch.pairs.tolist()[:20]):
        close(scores.relevance[row], slow.cosine(model, batch, query, candidate))
    assert not scores.offsets_s.any()


@pytest.mark.parametrize("name", BOTH)
def test_the_loss_is_what_misses_the_margin(name: str) -> None:
    batch = asked(queries=3, candidates=4)
    model = vsa(name)
    with torch.no_grad():
        scores = model(batch)
        found = model.loss(scores, training_batch(batch))
    expected = hinge.loss(
        hinge.table(scores.relevance, batch.pairs),
        {i: i for i in range(3)},
        lambda query, candidate: True,
        margin=0.1,
    )
    assert expected > 0
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_a_query_without_others_counts_nothing() -> None:
    batch = asked(queries=2, candidates=2)
    batch = replace(batch, pairs=batch.pairs[[0, 2, 3]])
    model = made(replace(SMALL["vsa_stv"], margin=2.0))
    with torch.no_grad():
        scores = model(batch)
        loss = model.loss(scores, training_batch(batch))
    short = max(0.0, 2.0 + (scores.relevance[1] - scores.relevance[2]).item())
    assert short > 0
    assert loss.item() == pytest.approx(short / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "part"), [("vsa_rnn", "sentences"), ("vsa_stv", "words")]
)
def test_each_reads_its_own(name: str, part: str) -> None:
    batch = asked()
    other = replace(batch, **{part: torch.full_like(getattr(batch, part), torch.nan)})
    with torch.no_grad():
        close(vsa(name)(other).relevance, vsa(name)(batch).relevance)


def test_confidence_is_a_half_for_vectors_at_right_angles() -> None:
    found = vsa("vsa_stv").confidence(np.array([-1.0, 0.0, 1.0, 1.0000001]))
    assert found.tolist() == [0.0, 0.5, 1.0, 1.0]
