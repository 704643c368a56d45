"""2D-TAN against a spelling by loops, and whether it learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from slta.models.tan2d import Tan2D, Tan2DConfig, best_iou
from tests import whole
from tests.reference import tan2d as slow
from tests.whole import close
from tests.worlds import tiny

SMALL = Tan2DConfig(clips=6, size=8, sentence_layers=2, layers=2, kernel=3)
CONFIGS = {
    "pooled": SMALL,
    "convolved": replace(SMALL, features="conv"),
    "wide": replace(SMALL, kernel=5, layers=1, sentence_layers=1),
}


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)


def made(config: Tan2DConfig = SMALL) -> Tan2D:
    model = whole.made(config)
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
    batch = whole.given(model).batch
    with torch.no_grad():
        answers = model(batch)
        for row in range(len(batch.words)):
            expected = slow.relevance(model, batch, row)
            for cell, found in zip(cells(model), answers.cells[row], strict=True):
                close(found, float(expected[cell]))


@pytest.mark.parametrize("features", ["pool", "conv"])
def test_agrees_where_long_moments_are_left_out(features: Any) -> None:
    model = made(replace(SMALL, clips=38, size=3, layers=1, features=features))
    batch = whole.given(model).batch
    with torch.no_grad():
        found = model(batch).cells[1]
        moments = slow.relevance(model, batch, 1)
    for cell, value in zip(cells(model), found, strict=True):
        close(value, float(moments[cell]))


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_loss_is_that_of_the_paper(config: Tan2DConfig) -> None:
    for low, high in ((0.5, 1.0), (0.3, 0.7)):
        model = made(replace(config, low_iou=low, high_iou=high))
        given = whole.given(model)
        with torch.no_grad():
            close(model.loss(model(given.batch), given), float(slow.loss(model, given)))


def test_a_cell_counts_by_the_truth_that_it_fits_best() -> None:
    spans = torch.tensor([[[0.0, 4.0], [2.0, 6.0]], [[0.0, 4.0], [2.0, 6.0]]])
    truth = torch.tensor([[[0.0, 2.0], [2.0, 6.0]], [[0.0, 4.0], [2.0, 6.0]]])
    mask = torch.tensor([[True, True], [False, False]])
    assert best_iou(spans, truth, mask).tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert best_iou(spans, truth[:, :0], mask[:, :0]).tolist() == [[0.0, 0.0]] * 2


def test_spans_are_those_of_the_cells_in_seconds() -> None:
    model = made()
    batch = whole.given(model).batch
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
        everything = model(whole.given(model).batch)
        some = few(whole.given(few).batch)
    assert some.relevance.shape == (4, 5) and some.cells.shape == (4, 21)
    close(some.relevance, everything.relevance[:, :5])
    close(some.spans_s, everything.spans_s[:, :5])
    assert (everything.relevance.diff(dim=1) <= 0).all()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_parameter_learns(config: Tan2DConfig) -> None:
    whole.every_parameter_learns(config)


def test_queries_of_nothing_true_can_be_learnt_from() -> None:
    whole.nothing_true_gives_a_loss(SMALL)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_padding_never_matters(config: Tan2DConfig) -> None:
    """Every video has as many clips."""
    whole.padding_never_matters(config, of_clips=False)


def test_relevance_changes_with_the_query() -> None:
    whole.changes_with_the_query(SMALL)


@pytest.mark.slice
def test_learns_a_few_queries_by_heart() -> None:
    config = replace(SMALL, clips=10, size=32, sentence_layers=1)
    whole.learns_by_heart(config, steps=120, rate=5e-3)


@pytest.mark.slice
def test_is_trained_and_searches_as_it_is_evaluated(tmp_path: Path) -> None:
    whole.is_trained_and_searched(SMALL, tmp_path)


@pytest.mark.slice
def test_the_experiment_begins(tmp_path: Path) -> None:
    whole.an_experiment_begins("shapes_tan2d", tmp_path)


def test_answers_at_a_fixed_start_are_what_they_were() -> None:
    model = made()
    given = whole.given(model)
    with torch.no_grad():
        answers = model(given.batch)
        loss = model.loss(answers, given)
    close(
        answers.relevance[0, :4],
        torch.tensor([-0.009542, -0.0359758, -0.0647985, -0.0803079]),
    )
    close(loss, 0.6249873)


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
