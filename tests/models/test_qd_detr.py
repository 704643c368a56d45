"""QD-DETR: its losses; test_slot_models.py has its answers."""

from dataclasses import replace

import pytest
import torch

from slta.models.parts.detr import Weights
from slta.models.qd_detr import QDDETR, QDDETRConfig, other_video
from tests.reference import detr_losses
from tests.reference import qd_detr as slow
from tests.support import video_batches
from tests.support.video_batches import close
from tests.support.video_models import QD_DETR as SMALL


def made(config: QDDETRConfig = SMALL) -> QDDETR:
    model = video_batches.made(config)
    assert isinstance(model, QDDETR)
    return model


@pytest.mark.parametrize("videos", [(0, 1, 2, 2), (0, 0, 0, 0), (0, 0, 1, 1)])
def test_the_loss_is_that_of_the_paper(videos: tuple[int, ...]) -> None:
    config = replace(
        SMALL, l1_weight=3.0, saliency_weight=2.0, negative_weight=0.7, temperature=0.8
    )
    model = made(config)
    usual = video_batches.given(model)
    given = replace(usual, batch=replace(usual.batch, video=torch.tensor(videos)))
    with torch.no_grad():
        answers = model(given.batch)
        found = model.loss(answers, given)
        contrast, low = slow.saliency_losses(model, given)
    weights = Weights(l1=3.0, iou=1.0, foreground=4.0, background=0.1)
    expected = detr_losses.set_loss(answers, given, weights) + 0.7 * low
    expected += 2.0 * (detr_losses.margin_loss(answers, given, 0.2) + contrast)
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
        saliency = model(video_batches.given(model).batch).saliency[:, :2]
    assert (saliency[2] - saliency[3]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reading_layers", 0),
        ("negative_weight", -1.0),
        ("temperature", 0.0),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"model.{field}.*{value}"):
        replace(QDDETRConfig(), **{field: value})  # type: ignore[arg-type]
