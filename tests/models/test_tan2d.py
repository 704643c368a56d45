"""2D-TAN against a spelling by loops."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from slta.models.tan2d import Tan2D, Tan2DConfig, best_iou
from tests.reference import tan2d as slow
from tests.support import video_batches
from tests.support.video_batches import close
from tests.support.video_models import TAN2D as SMALL
from tests.support.video_models import TAN2D_CONFIGS as CONFIGS


def made(config: Tan2DConfig = SMALL) -> Tan2D:
    model = video_batches.made(config)
    assert isinstance(model, Tan2D)
    return model


def cells(model: Tan2D) -> list[tuple[int, int]]:
    return list(zip(model.first.tolist(), model.last.tolist(), strict=True))


@pytest.mark.parametrize("clips", [1, 2, 8, 15, 16, 17, 18, 31, 40, 64, 75, 128])
def test_the_map_has_the_moments_of_the_paper(clips: int) -> None:
    found = cells(made(replace(SMALL, clips=clips, layers=1, size=2)))
    assert len(set(found)) == len(found)
    assert set(found) == set(slow.cells(clips))


def test_up_to_sixteen_clips_every_moment_is_on_the_map() -> None:
    assert len(cells(made(replace(SMALL, clips=16)))) == 16 * 17 // 2


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_agrees_with_the_paper_spelled_out(config: Tan2DConfig) -> None:
    model = made(config)
    batch = video_batches.given(model).batch
    with torch.no_grad():
        answers = model(batch)
        for row in range(len(batch.words)):
            expected = slow.relevance(model, batch, row)
            for cell, found in zip(cells(model), answers.cells[row], strict=True):
                close(found, float(expected[cell]))


@pytest.mark.parametrize("features", ["pool", "conv"])
def test_agrees_where_long_moments_are_left_out(features: Any) -> None:
    model = made(replace(SMALL, clips=38, size=3, layers=1, features=features))
    batch = video_batches.given(model).batch
    with torch.no_grad():
        found = model(batch).cells[1]
        moments = slow.relevance(model, batch, 1)
    for cell, value in zip(cells(model), found, strict=True):
        close(value, float(moments[cell]))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_loss_is_that_of_the_paper(config: Tan2DConfig) -> None:
    for low, high in ((0.5, 1.0), (0.3, 0.7)):
        model = made(replace(config, low_iou=low, high_iou=high))
        given = video_batches.given(model)
        with torch.no_grad():
            close(model.loss(model(given.batch), given), float(slow.loss(model, given)))


def test_a_cell_counts_by_the_truth_that_it_fits_best() -> None:
    spans = torch.tensor([[[0.0, 4.0], [2.0, 6.0]], [[0.0, 4.0], [2.0, 6.0]]])
    truth = torch.tensor([[[0.0, 2.0], [2.0, 6.0]], [[0.0, 4.0], [2.0, 6.0]]])
    mask = torch.tensor([[True, True], [False, False]])
    assert best_iou(spans, truth, mask).tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert best_iou(spans, truth[:, :0], mask[:, :0]).tolist() == [[0.0, 0.0]] * 2


@pytest.mark.parametrize("clips", [33, 40, 128])
def test_moments_hear_of_their_neighbours_however_long_they_are(clips: int) -> None:
    """The longest are four cells and more apart."""
    model = made(replace(SMALL, clips=clips, size=2, kernel=3, layers=8))
    fused = torch.ones(1, len(model.first), 2, requires_grad=True)
    longest = int((model.last - model.first).argmax())
    for convolution in model.convolutions:
        torch.nn.init.ones_(convolution.weight)  # type: ignore[arg-type]
    model._convolved(fused)[0, longest].sum().backward()
    assert fused.grad is not None
    heard = (fused.grad[0] != 0).any(dim=1)
    assert heard.sum() > 1


def test_spans_are_those_of_the_cells_in_seconds() -> None:
    model = made()
    batch = video_batches.given(model).batch
    with torch.no_grad():
        answers = model(batch)
    assert answers.spans_s.shape == (4, 21, 2)
    for row, duration_s in enumerate(batch.duration_s.tolist()):
        expected = {
            (round(a * duration_s / 6, 4), round((b + 1) * duration_s / 6, 4)): value
            for (a, b), value in zip(
                cells(model), answers.cells[row].tolist(), strict=True
            )
        }
        for (start, end), value in zip(
            answers.spans_s[row].tolist(), answers.relevance[row].tolist(), strict=True
        ):
            assert expected[round(start, 4), round(end, 4)] == value


def test_the_best_of_too_many_answers_are_kept() -> None:
    model, few = made(), made(replace(SMALL, answers=5))
    with torch.no_grad():
        everything = model(video_batches.given(model).batch)
        some = few(video_batches.given(few).batch)
    assert some.relevance.shape == (4, 5) and some.cells.shape == (4, 21)
    close(some.relevance, everything.relevance[:, :5])
    close(some.spans_s, everything.spans_s[:, :5])
    assert (everything.relevance.diff(dim=1) <= 0).all()


def test_answers_at_a_fixed_start_are_what_they_were() -> None:
    model = made()
    given = video_batches.given(model)
    with torch.no_grad():
        answers = model(given.batch)
        loss = model.loss(answers, given)
    close(
        answers.relevance[0, :4],
        torch.tensor([-0.0485689, -0.0650072, -0.0981704, -0.1015769]),
    )
    close(loss, 0.6236013)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clips", 0),
        ("size", 0),
        ("layers", -1),
        ("kernel", 4),
        ("low_iou", -0.1),
        ("high_iou", 0.5),
        ("high_iou", 1.2),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"model.{field}.*{value}"):
        replace(Tan2DConfig(), **{field: value})  # type: ignore[arg-type]
