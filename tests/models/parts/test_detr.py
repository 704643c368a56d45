"""Which moment query answers which truth, and what their losses are, against all assignments."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slta.models.moment_detr import MomentDETRConfig
from slta.models.parts.detr import (
    DETRAnswers,
    Weights,
    centred,
    edges,
    ends_s,
    generalised_iou,
    inside,
    margin_loss,
    match,
    set_loss,
)
from slta.moments.spans import temporal_iou
from tests.reference import detr_losses as slow
from tests.support import video_batches
from tests.support.video_batches import close

WEIGHTS = Weights(l1=10.0, iou=1.0, foreground=4.0, background=0.1)
MODEL = video_batches.made(MomentDETRConfig(size=8, heads=2, feedforward_size=8))
span = st.tuples(st.integers(0, 30), st.integers(1, 30)).map(
    lambda each: (each[0] / 8, sum(each) / 8)
)


def answers(
    seed: int, *, moment_queries: int, clips: int = 9, layers: int = 2
) -> DETRAnswers:
    torch.manual_seed(seed)
    rows = len(video_batches.TRUTHS)
    return DETRAnswers(
        torch.zeros(rows, moment_queries, 2),
        torch.zeros(rows, moment_queries),
        torch.rand(layers, rows, moment_queries, 2) * 0.9 + 0.05,
        torch.randn(layers, rows, moment_queries),
        torch.randn(rows, clips),
    )


@given(a=span, b=span)
def test_generalised_iou_is_what_it_is_defined_to_be(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    one, other = (centred(torch.tensor(each)) for each in (a, b))
    found = generalised_iou(one, other)
    close(found, slow.generalised_iou(a, b))
    close(generalised_iou(other, one), float(found))
    # Where they share time, the hull is their union.
    (iou,) = temporal_iou(np.array([a]), np.array([b]))[0]
    assert found <= iou + 1e-5
    if iou > 0:
        close(found, float(iou))


def test_spans_without_length_have_an_iou_and_a_gradient() -> None:
    point = torch.tensor([0.5, 0.0], requires_grad=True)
    found = generalised_iou(point, torch.tensor([0.5, 0.0]))
    found.backward()
    assert found.isfinite() and point.grad is not None
    assert point.grad.isfinite().all()


def test_centre_and_width_are_those_of_start_and_end() -> None:
    spans = torch.tensor([[0.2, 0.6], [0.0, 1.0]])
    close(centred(spans), torch.tensor([[0.4, 0.4], [0.5, 1.0]]))
    close(edges(centred(spans)), spans)


def test_answers_begin_and_end_with_their_video() -> None:
    spans = torch.tensor([[[0.9, 0.6], [0.1, 0.4]], [[0.5, 0.2], [0.5, 2.0]]])
    found = ends_s(spans, torch.tensor([10.0, 20.0]))
    close(found, torch.tensor([[[6.0, 10.0], [0.0, 3.0]], [[8.0, 12.0], [0.0, 20.0]]]))


@pytest.mark.parametrize("moment_queries", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_the_assignment_is_the_cheapest_of_all(moment_queries: int, seed: int) -> None:
    """There are rows of more truths than moment_queries, and one of none."""
    given, said = (
        video_batches.given(MODEL),
        answers(seed, moment_queries=moment_queries),
    )
    truth = centred(given.truth_s / given.batch.duration_s[:, None, None])
    spans, relevance = said.layer_spans[0], said.layer_relevance[0]
    found = match(spans, relevance, truth, given.truth_mask, WEIGHTS)
    for row in range(len(video_batches.TRUTHS)):
        mine = found.query == row
        pairs = dict(
            zip(
                found.moment_query[mine].tolist(),
                found.truth[mine].tolist(),
                strict=True,
            )
        )
        assert pairs == slow.assignment(
            [slow.span(*each) for each in spans[row].tolist()],
            relevance[row].tolist(),
            slow.truths(given, row),
            WEIGHTS,
        )


@pytest.mark.parametrize("moment_queries", [1, 4])
def test_the_loss_is_that_of_the_cheapest_assignment(moment_queries: int) -> None:
    given, said = video_batches.given(MODEL), answers(0, moment_queries=moment_queries)
    close(set_loss(said, given, WEIGHTS), slow.set_loss(said, given, WEIGHTS))


def test_a_slot_on_the_truth_costs_nothing_but_doubt() -> None:
    given, said = video_batches.given(MODEL), answers(0, moment_queries=3, layers=1)
    only = Weights(l1=10.0, iou=1.0, foreground=0.0, background=0.1)
    truth = centred(given.truth_s / given.batch.duration_s[:, None, None])
    on_it = replace(said, layer_spans=truth[None].clamp(min=1e-3))
    assert set_loss(on_it, given, only) < 1e-4 < set_loss(said, given, only)


def test_numbers_that_are_none_are_told_by_the_loss() -> None:
    given, said = video_batches.given(MODEL), answers(0, moment_queries=3)
    spoilt = replace(said, layer_spans=said.layer_spans * torch.nan)
    assert not set_loss(spoilt, given, WEIGHTS).isfinite()


@pytest.mark.parametrize("frames", [9, 40])
def test_clips_of_a_truth_are_known(frames: int) -> None:
    given = video_batches.given(MODEL, frames=frames)
    found = inside(given)
    for row, mask in enumerate(given.batch.clip_mask):
        assert found[row][mask].tolist() == slow.inside(given, row)
        assert not found[row][~mask].any()
    # However short, a truth has a clip.
    assert found.any(dim=1).tolist() == [True, True, False, True]


@pytest.mark.parametrize("margin", [0.0, 0.2, 3.0])
def test_clips_of_a_truth_are_to_stand_out(margin: float) -> None:
    given, said = video_batches.given(MODEL), answers(0, moment_queries=1)
    mask = given.batch.clip_mask
    found = margin_loss(said.saliency, inside(given), mask, margin)
    close(found, slow.margin_loss(said, given, margin))


def test_where_all_or_nothing_is_true_no_clip_can_stand_out() -> None:
    mask = torch.ones(2, 3, dtype=torch.bool)
    true = torch.tensor([[True] * 3, [False] * 3])
    assert margin_loss(torch.randn(2, 3), true, mask, 0.2) == 0
