"""MCN against its equations spelled out."""

from dataclasses import fields, replace
from math import exp

import numpy as np
import pytest
import torch

from slta.models.mcn import MCN, MCNConfig
from tests.reference import hinge
from tests.reference import mcn as slow
from tests.support.batches import ODD, asked, close, made, training_batch
from tests.support.candidate_models import SMALL


def mcn(config: MCNConfig = SMALL["mcn"]) -> MCN:
    model = made(config)
    assert isinstance(model, MCN)
    return model


@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_agrees_with_the_paper_spelled_out(sizes: dict[str, int]) -> None:
    model, batch = mcn(), asked(**sizes)
    with torch.no_grad():
        scores = model(batch)
    for row, (query, candidate) in enumerate(batch.pairs.tolist()[:20]):
        close(
            scores.relevance[row],
            -slow.squared_distance(model, batch, query, candidate),
        )
    assert not scores.offsets_s.any()


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_compares_with_both_kinds_of_others(weight: float) -> None:
    """Query 0 and candidate 0 are of a video, all others of another."""
    batch = asked(queries=3, candidates=4)
    query, candidate = batch.pairs.T
    given = replace(training_batch(batch), elsewhere=(query == 0) != (candidate == 0))
    model = mcn(MCNConfig(hidden_size=5, word_size=3, common_size=4, margin=0.6))
    model.config = replace(model.config, inter_weight=weight)
    with torch.no_grad():
        scores = model(batch)
        found = model.loss(scores, given)
    table = hinge.table(scores.relevance, batch.pairs)
    match = {i: i for i in range(3)}

    def other(query: int, candidate: int) -> bool:
        return (query == 0) != (candidate == 0)

    def same(query: int, candidate: int) -> bool:
        return not other(query, candidate)

    inside = hinge.loss(table, match, same, margin=0.6)
    outside = hinge.loss(table, match, other, margin=0.6)
    assert inside > 0 and outside > 0
    assert found.item() == pytest.approx(inside + weight * outside, abs=1e-5)


@pytest.mark.parametrize("name", ["places", "video_means", "clips"])
def test_place_video_and_moment_all_count(name: str) -> None:
    batch = asked(queries=1, candidates=1)
    other = replace(batch, **{name: getattr(batch, name) + 0.5})
    with torch.no_grad():
        away = mcn()(other).relevance - mcn()(batch).relevance
    assert away.abs() > 1e-4


def test_confidence_is_one_where_nothing_is_between() -> None:
    found = mcn().confidence(np.array([0.0, -0.1, -900.0]))
    assert found.tolist() == pytest.approx([1.0, exp(-0.1), 0.0])


def test_the_sizes_default_to_the_papers() -> None:
    sizes = {f.name: f.default for f in fields(MCNConfig) if f.name.endswith("_size")}
    assert sizes == {"hidden_size": 500, "word_size": 1000, "common_size": 100}


def test_a_weight_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match=r"model.inter_weight must be at least 0.*-1"):
        MCNConfig(inter_weight=-1.0)
