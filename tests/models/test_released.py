"""Each fault of the released notebook does what docs/models/slta_released.md says of it."""

from dataclasses import asdict, replace

import pytest
import torch

from slta.batches.candidate_batch import Batch
from slta.models import build
from slta.models.released import Released, ReleasedConfig, released
from slta.models.slta import SLTA, SLTAScores
from tests.support.batches import SIZES, asked, close
from tests.support.slta_models import SMALL, made

FAULTS = (
    "summed_regions",
    "frozen_attention",
    "wrong_pair",
    "signed_words",
)


def broken(*faults: str) -> Released:
    """With the same weights as ``made()``."""
    model = build(released(SMALL, **dict.fromkeys(faults, True)), SIZES)
    assert isinstance(model, Released)
    model.load_state_dict(made().state_dict())
    return model.eval()


def scored(model: SLTA, batch: Batch) -> SLTAScores:
    with torch.no_grad():
        scores: SLTAScores = model(batch)
    return scores


def test_without_a_fault_it_is_slta() -> None:
    batch = asked()
    close(scored(broken(), batch).relevance, scored(made(), batch).relevance)


@pytest.mark.parametrize("fault", ["summed_regions", "signed_words"])
def test_a_fault_changes_the_scores(fault: str) -> None:
    batch = asked()
    away = scored(broken(fault), batch).relevance - scored(made(), batch).relevance
    assert away.abs().max() > 1e-4


def test_summed_regions_weigh_one_each_whatever_the_query() -> None:
    batch = asked()
    scores = scored(broken("summed_regions"), batch)
    mask = batch.region_mask[scores.looks.video, scores.looks.frame]
    close(scores.region_weights, mask.float())


def test_a_query_is_scored_alike_among_few_and_among_many() -> None:
    """With many queries, regions are multiplied before they are mixed."""
    many = asked(queries=60, videos=1)
    of_first = many.pairs[:, 0] == 0
    alone = replace(many, pairs=many.pairs[of_first])
    for faults in ([], ["summed_regions"]):
        one, all_of_them = (scored(broken(*faults), each) for each in (alone, many))
        close(one.relevance, all_of_them.relevance[of_first])


def test_frozen_attention_learns_nothing_and_the_rest_does() -> None:
    model = broken("frozen_attention").train()
    model(asked()).relevance.sum().backward()
    frozen = ("spatial.", "to_interaction.", "interaction.")
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == name.startswith(frozen), name


def test_the_wrong_pair_is_seen_in_training_only() -> None:
    """There, the regions of a query's other candidates do not matter."""
    batch = asked(queries=2, candidates=2, videos=2)
    batch.candidate_video[:] = torch.tensor([0, 1])
    batch.candidate_first[:] = 0
    # A query's first pair is its match: here both match the first candidate.
    other = replace(batch, regions=batch.regions.clone())
    other.regions[1] += 1
    model = broken("wrong_pair")
    close(*(scored(model.train(), each).relevance for each in (batch, other)))
    away = scored(model.eval(), batch).relevance - scored(model, other).relevance
    assert away.abs().max() > 1e-4


def test_signed_word_weights_are_shares_of_a_sum_that_may_be_near_zero() -> None:
    weigh = broken("signed_words").over_words
    scores = torch.tensor([[3.0, -1.0, 9.0], [2.0, -1.999, 9.0]])
    weights = weigh(scores, torch.tensor([[True, True, False]] * 2))
    close(weights[0], torch.tensor([1.5, -0.5, 0.0]))
    assert weights[1].abs().max() > 1000


def test_every_fault_has_a_test() -> None:
    added = asdict(ReleasedConfig()).keys() - asdict(SMALL).keys()
    assert added == set(FAULTS)
