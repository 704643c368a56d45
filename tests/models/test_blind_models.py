"""What is learnt from places and sentences alone."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from slta.batches.candidate_batch import Batch
from slta.models.blind import MomentPrior, QueryOnly
from tests.reference import moment_prior as slow_prior
from tests.reference import query_only as slow_query
from tests.support.batches import ODD, asked, close, made
from tests.support.candidate_models import SMALL

BLIND = ("moment_prior", "query_only")


def spelled_out(model: Any, batch: Batch, query: int, candidate: int) -> torch.Tensor:
    if isinstance(model, MomentPrior):
        return slow_prior.answer(model, batch, candidate)
    assert isinstance(model, QueryOnly)
    return slow_query.answer(model, batch, query, candidate)


@pytest.mark.parametrize("name", BLIND)
@pytest.mark.parametrize("sizes", ODD.values(), ids=ODD)
def test_agrees_with_the_equation_spelled_out(name: str, sizes: dict[str, int]) -> None:
    model, batch = made(SMALL[name]), asked(**sizes)
    with torch.no_grad():
        scores = model(batch)
    for row, (query, candidate) in enumerate(batch.pairs.tolist()[:20]):
        relevance, *offsets_s = spelled_out(model, batch, query, candidate)
        close(scores.relevance[row], relevance)
        close(scores.offsets_s[row], torch.stack(offsets_s))


@pytest.mark.parametrize("name", BLIND)
def test_not_a_frame_is_looked_at(name: str) -> None:
    model, batch = made(SMALL[name]), asked()
    unseen = replace(
        batch,
        clips=torch.full_like(batch.clips, torch.nan),
        video_means=torch.full_like(batch.video_means, torch.nan),
        regions=torch.full_like(batch.regions, torch.nan),
    )
    with torch.no_grad():
        close(model(unseen).relevance, model(batch).relevance)
        close(model(unseen).offsets_s, model(batch).offsets_s)


def test_only_the_place_moves_the_prior() -> None:
    model, batch = made(SMALL["moment_prior"]), asked()
    with torch.no_grad():
        scores = model(batch)
        unread = model(
            replace(batch, sentences=torch.full_like(batch.sentences, torch.nan))
        )
        later = model(replace(batch, places=batch.places + 0.1))
    close(unread.relevance, scores.relevance)
    assert (later.relevance != scores.relevance).any()
    by_candidate: dict[int, set[float]] = {}
    for (_, candidate), relevance in zip(
        batch.pairs.tolist(), scores.relevance.tolist(), strict=True
    ):
        by_candidate.setdefault(candidate, set()).add(round(relevance, 5))
    assert {len(found) for found in by_candidate.values()} == {1}
