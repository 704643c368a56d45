"""QD-DETR against a spelling of one query at a time, and whether it learns."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from slta.models.qd_detr import QDDETR, QDDETRConfig, other_video
from slta.models.slots import Weights
from tests import whole
from tests.reference import qd_detr as slow
from tests.reference import slots
from tests.whole import close
from tests.worlds import tiny

SMALL = QDDETRConfig(
    size=8, heads=2, feedforward_size=12, slots=4, dropout=0.0, input_dropout=0.0
)
CONFIGS = {
    "usual": SMALL,
    "one layer": replace(
        SMALL, reading_layers=1, encoder_layers=1, decoder_layers=1, heads=1
    ),
    "few clips": replace(SMALL, most_clips=4, slots=2),
}


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)


def made(config: QDDETRConfig = SMALL) -> QDDETR:
    model = whole.made(config)
    assert isinstance(model, QDDETR)
    return model


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_agrees_with_the_paper_spelled_out(config: QDDETRConfig) -> None:
    model = made(config)
    batch = whole.given(model).batch
    with torch.no_grad():
        answers = model(batch)
        for row in range(len(batch.words)):
            expected = slow.answer(model, batch, row)
            close(answers.layer_spans[:, row], torch.stack(expected.spans))
            close(answers.layer_relevance[:, row], torch.stack(expected.relevance))
            close(answers.relevance[row], expected.relevance[-1])
            close(answers.saliency[row][batch.clip_mask[row]], expected.saliency)
            edges = [slots.span(*each) for each in expected.spans[-1].tolist()]
            close(
                answers.spans_s[row], torch.tensor(edges) * batch.duration_s[row, None]
            )


@pytest.mark.parametrize("videos", [(4, 2, 7, 7), (7, 7, 7, 7), (0, 0, 1, 1)])
def test_the_loss_is_that_of_the_paper(videos: tuple[int, ...]) -> None:
    config = replace(
        SMALL, l1_weight=3.0, saliency_weight=2.0, negative_weight=0.7, temperature=0.8
    )
    model = made(config)
    given = replace(whole.given(model), video=torch.tensor(videos))
    with torch.no_grad():
        answers = model(given.batch)
        found = model.loss(answers, given)
        contrast, low = slow.saliency_losses(model, given)
    weights = Weights(l1=3.0, iou=1.0, foreground=4.0, background=0.1)
    expected = slots.set_loss(answers, given, weights) + 0.7 * low
    expected += 2.0 * (slots.margin_loss(answers, given, 0.2) + contrast)
    close(found, expected)


@pytest.mark.parametrize(
    ("videos", "rows"),
    [
        ((1, 2, 3), (1, 2, 0)),
        ((1, 1, 2, 2), (2, 2, 0, 0)),
        ((4, 4, 4), None),
        ((4,), None),
    ],
)
def test_a_negative_is_of_another_video(
    videos: tuple[int, ...], rows: tuple[int, ...] | None
) -> None:
    row, known = other_video(torch.tensor(videos))
    assert known.tolist() == [rows is not None] * len(videos)
    if rows is not None:
        assert tuple(row.tolist()) == rows


def test_saliency_changes_with_the_query() -> None:
    """Rows 2 and 3 are of one video."""
    model = made()
    with torch.no_grad():
        saliency = model(whole.given(model).batch).saliency[:, :2]
    assert (saliency[2] - saliency[3]).abs().max() > 1e-3


def test_a_video_has_a_clip_a_frame_up_to_a_number() -> None:
    assert [made().clips(frames) for frames in (1, 75, 76, 9000)] == [1, 75, 75, 75]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_parameter_learns(config: QDDETRConfig) -> None:
    whole.every_parameter_learns(config)


def test_queries_of_nothing_true_can_be_learnt_from() -> None:
    whole.nothing_true_gives_a_loss(SMALL)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_padding_never_matters(config: QDDETRConfig) -> None:
    whole.padding_never_matters(config)


def test_relevance_changes_with_the_query() -> None:
    whole.changes_with_the_query(SMALL)


@pytest.mark.slice
def test_learns_a_few_queries_by_heart() -> None:
    config = replace(SMALL, size=32, feedforward_size=32)
    whole.learns_by_heart(config, steps=250, rate=3e-3)


@pytest.mark.slice
def test_is_trained_and_searches_as_it_is_evaluated(tmp_path: Path) -> None:
    whole.is_trained_and_searched(SMALL, tmp_path)


@pytest.mark.slice
def test_the_experiment_begins(tmp_path: Path) -> None:
    whole.an_experiment_begins("shapes_qd_detr", tmp_path)


def test_answers_at_a_fixed_start_are_what_they_were() -> None:
    model = made()
    given = whole.given(model)
    with torch.no_grad():
        answers = model(given.batch)
        loss = model.loss(answers, given)
    close(
        answers.relevance[0], torch.tensor([0.5640279, 0.6007020, 0.4434910, 0.1815282])
    )
    close(answers.spans_s[3, 0], torch.tensor([0.4750068, 3.4491394]))
    close(loss, 18.861803)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 12),
        ("slots", 0),
        ("reading_layers", 0),
        ("negative_weight", -1.0),
        ("temperature", 0.0),
        ("margin", float("inf")),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"model.{field}.*{value}"):
        replace(QDDETRConfig(), **{field: value})  # type: ignore[arg-type]
