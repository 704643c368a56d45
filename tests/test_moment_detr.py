"""Moment-DETR against a spelling of one query at a time, and whether it learns."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from slta.models.moment_detr import MomentDETR, MomentDETRConfig
from slta.models.slots import Weights
from tests import whole
from tests.reference import moment_detr as slow
from tests.reference import slots
from tests.whole import close
from tests.worlds import tiny

SMALL = MomentDETRConfig(
    size=8, heads=2, feedforward_size=12, slots=4, dropout=0.0, input_dropout=0.0
)
CONFIGS = {
    "usual": SMALL,
    "one layer": replace(SMALL, encoder_layers=1, decoder_layers=1, heads=1),
    "few clips": replace(SMALL, most_clips=4, slots=1),
}


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)


def made(config: MomentDETRConfig = SMALL) -> MomentDETR:
    model = whole.made(config)
    assert isinstance(model, MomentDETR)
    return model


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_agrees_with_the_paper_spelled_out(config: MomentDETRConfig) -> None:
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


def test_the_loss_is_that_of_the_paper() -> None:
    config = replace(SMALL, l1_weight=3.0, iou_weight=0.5, saliency_weight=2.0)
    model = made(config)
    given = whole.given(model)
    with torch.no_grad():
        answers = model(given.batch)
        found = model.loss(answers, given)
    weights = Weights(l1=3.0, iou=0.5, foreground=4.0, background=0.1)
    expected = slots.set_loss(answers, given, weights)
    expected += 2.0 * slots.margin_loss(answers, given, 0.2)
    close(found, expected)


def test_a_video_has_a_clip_a_frame_up_to_a_number() -> None:
    assert [made().clips(frames) for frames in (1, 75, 76, 9000)] == [1, 75, 75, 75]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_every_parameter_learns(config: MomentDETRConfig) -> None:
    whole.every_parameter_learns(config)


def test_queries_of_nothing_true_can_be_learnt_from() -> None:
    whole.nothing_true_gives_a_loss(SMALL)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_padding_never_matters(config: MomentDETRConfig) -> None:
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
    whole.an_experiment_begins("shapes_moment_detr", tmp_path)


def test_answers_at_a_fixed_start_are_what_they_were() -> None:
    model = made()
    given = whole.given(model)
    with torch.no_grad():
        answers = model(given.batch)
        loss = model.loss(answers, given)
    close(
        answers.relevance[0],
        torch.tensor([-0.3731530, -0.4031379, 0.9859658, -0.6157216]),
    )
    close(answers.spans_s[3, 0], torch.tensor([0.8406383, 2.6863067]))
    close(loss, 17.916132)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("most_clips", 0),
        ("size", 0),
        ("size", 12),
        ("heads", -1),
        ("feedforward_size", 0),
        ("encoder_layers", 0),
        ("decoder_layers", 0),
        ("slots", 0),
        ("dropout", 1.0),
        ("input_dropout", -0.1),
        ("l1_weight", -1.0),
        ("iou_weight", float("inf")),
        ("foreground_weight", -1.0),
        ("background_share", 0.0),
        ("background_share", 1.5),
        ("saliency_weight", -0.5),
        ("margin", -0.2),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"model.{field}.*{value}"):
        replace(MomentDETRConfig(), **{field: value})  # type: ignore[arg-type]
