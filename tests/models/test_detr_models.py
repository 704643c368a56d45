"""DETR-style models, against spellings of one query at a time."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from slta import models
from slta.models.moment_detr import MomentDETR, MomentDETRConfig
from slta.models.qd_detr import QDDETR, QDDETRConfig
from tests.reference import detr_losses, moment_detr, qd_detr
from tests.support.video_batches import close, given, made
from tests.support.video_models import DETR_CONFIGS

OF_VIDEOS = ("clips", "regions", "boxes", "region_mask")
ROWS = (
    "video",
    "clip_mask",
    "duration_s",
    "words",
    "word_mask",
    "noun_mask",
    "sentences",
)
"""What a batch has of each query."""
SLOW: dict[type, Any] = {MomentDETR: moment_detr.answer, QDDETR: qd_detr.answer}


@pytest.mark.parametrize("name", DETR_CONFIGS)
def test_agrees_with_the_paper_spelled_out(name: str) -> None:
    model: Any = made(DETR_CONFIGS[name])
    batch = given(model).batch
    with torch.no_grad():
        answers = model(batch)
        for row in range(len(batch.words)):
            expected = SLOW[type(model)](model, batch, row)
            close(answers.layer_spans[:, row], torch.stack(expected.spans))
            close(answers.layer_relevance[:, row], torch.stack(expected.relevance))
            close(answers.relevance[row], expected.relevance[-1])
            close(answers.saliency[row][batch.clip_mask[row]], expected.saliency)
            edges = [detr_losses.span(*each) for each in expected.spans[-1].tolist()]
            cut = [[max(0.0, start), min(1.0, end)] for start, end in edges]
            close(answers.spans_s[row], torch.tensor(cut) * batch.duration_s[row, None])


@pytest.mark.parametrize("name", ["moment_detr", "qd_detr"])
def test_where_a_clip_is_can_be_read_and_not_only_compared(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without positions in the attentions, a film backwards has other answers still."""
    model = made(DETR_CONFIGS[name])
    for module in (models.moment_detr, models.qd_detr):
        monkeypatch.setattr(
            module,
            "positional_encoding",
            lambda share, size: torch.zeros(*share.shape, size),
        )
    batch = given(model).batch
    one = replace(batch, **{k: getattr(batch, k)[:1] for k in (*OF_VIDEOS, *ROWS)})
    with torch.no_grad():
        forwards = model(one).spans_s
        backwards = model(replace(one, clips=one.clips.flip(1))).spans_s
    assert (forwards - backwards).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["moment_detr", "qd_detr"])
def test_a_video_has_a_clip_a_frame_up_to_a_number(name: str) -> None:
    model = made(DETR_CONFIGS[name])
    assert [model.clips(frames) for frames in (1, 75, 76, 9000)] == [1, 75, 75, 75]


@pytest.mark.parametrize("kind", [MomentDETRConfig, QDDETRConfig])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_clips", 0),
        ("size", 0),
        ("size", 12),
        ("heads", -1),
        ("feedforward_size", 0),
        ("encoder_layers", 0),
        ("decoder_layers", 0),
        ("moment_queries", 0),
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
def test_a_value_out_of_range_is_named(
    kind: type[MomentDETRConfig | QDDETRConfig], field: str, value: float
) -> None:
    with pytest.raises(ValueError, match=f"model.{field}.*{value}"):
        replace(kind(), **{field: value})  # type: ignore[arg-type]
