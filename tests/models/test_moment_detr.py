"""Moment-DETR: its loss; test_slot_models.py has its answers."""

from dataclasses import replace

import torch

from slta.models.moment_detr import MomentDETR, MomentDETRConfig
from slta.models.parts.detr import Weights
from tests.reference import detr_losses
from tests.support import video_batches
from tests.support.video_batches import close
from tests.support.video_models import MOMENT_DETR as SMALL


def made(config: MomentDETRConfig = SMALL) -> MomentDETR:
    model = video_batches.made(config)
    assert isinstance(model, MomentDETR)
    return model


def test_the_loss_is_that_of_the_paper() -> None:
    config = replace(SMALL, l1_weight=3.0, iou_weight=0.5, saliency_weight=2.0)
    model = made(config)
    given = video_batches.given(model)
    with torch.no_grad():
        answers = model(given.batch)
        found = model.loss(answers, given)
    weights = Weights(l1=3.0, iou=0.5, foreground=4.0, background=0.1)
    expected = detr_losses.set_loss(answers, given, weights)
    expected += 2.0 * detr_losses.margin_loss(answers, given, 0.2)
    close(found, expected)
