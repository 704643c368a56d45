"""SnAG and SLTA on a pyramid against a spelling by loops."""

from dataclasses import replace

import pytest
import torch

from slta.models.snag import SnAG, SnAGConfig
from tests.reference import pyramid as slow
from tests.support import video_batches
from tests.support.video_batches import close
from tests.support.video_models import PYRAMID_CONFIGS as CONFIGS
from tests.support.video_models import SNAG


def made(config: SnAGConfig) -> SnAG:
    model = video_batches.made(config)
    assert isinstance(model, SnAG)
    # Otherwise nothing would depend on the attention, nor on the scale of a level.
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("_scale"):
                values.add_(torch.rand(len(values)))
    return model


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_agrees_with_the_equations_spelled_out(config: SnAGConfig) -> None:
    model = made(config)
    batch = video_batches.given(model).batch
    with torch.no_grad():
        found = model(batch)
        for row in range(len(batch.words)):
            expected = slow.answers(model, batch, row)
            real = found.mask[row]
            points = expected.answers
            close(found.logits[row][real], torch.tensor([p.logit for p in points]))
            close(
                found.distances[row][real], torch.tensor([p.distances for p in points])
            )
            close(found.points.centre[real], torch.tensor([p.centre for p in points]))
            if expected.existence is not None:
                close(found.existence[row], expected.existence)
            else:
                assert found.existence is None


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_loss_is_that_of_the_equations(config: SnAGConfig) -> None:
    model = made(config)
    targets = video_batches.given(model)
    with torch.no_grad():
        found = model.loss(model(targets.batch), targets)
        close(found, slow.loss(model, targets))


def test_the_best_point_answers_first_and_in_seconds() -> None:
    model = made(SNAG)
    batch = video_batches.given(model).batch
    with torch.no_grad():
        found = model(batch)
    for row in range(len(batch.words)):
        with torch.no_grad():
            points = slow.answers(model, batch, row).answers
        clip_s = float(batch.duration_s[row]) / int(batch.clip_mask[row].sum())
        best = max(points, key=lambda point: point.logit)
        start, end = best.distances
        span = [
            min(max(0.0, at * clip_s), float(batch.duration_s[row]))
            for at in (
                best.centre - start * best.stride,
                best.centre + end * best.stride,
            )
        ]
        close(found.spans_s[row, 0], torch.tensor(span))
        close(found.relevance[row, 0], best.logit)
        there = found.relevance[row].isfinite()
        assert there.sum() == min(len(points), SNAG.answers)
        assert not there[int(there.sum()) :].any()


@pytest.mark.parametrize("window", [1, 3, 100])
def test_blocks_of_attention_change_nothing(
    window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = made(replace(SNAG, window=window))
    batch = video_batches.given(model, frames=21).batch
    with torch.no_grad():
        whole = model(batch)
        for block in (1, 2, 5):
            monkeypatch.setattr("slta.models.parts.pyramid.BLOCK", block)
            close(model(batch).logits[whole.mask], whole.logits[whole.mask])
