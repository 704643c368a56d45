"""What every model that sees whole videos must pass, whatever its paper."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from slta.batches.video_batch import VideoBatch
from slta.evaluation.measuring import measure
from slta.experiments import titled
from slta.experiments.config import Experiment, Named, TrainingConfig
from slta.experiments.opening import open_dataset, open_splits
from slta.models import MODELS, build, config_of
from slta.models.base import VideoModel
from slta.models.tan2d import Tan2DConfig
from slta.moments import Span
from slta.runs import inference
from slta.runs.confidence import Confidence
from slta.runs.inference import predict
from slta.search import Searcher
from slta.training import train as training
from tests.support import worlds
from tests.support.parade import parade
from tests.support.video_batches import SIZES, TRUTHS, close, given, made
from tests.support.video_models import BY_HEART, CONFIGS, FINDS, SMALL, learnt
from tests.support.worlds import TINY, tiny


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)


def test_no_model_is_forgotten() -> None:
    configs = {name: config_of(builder)() for name, builder in MODELS.items()}
    assert all(config.name == name for name, config in configs.items())
    known = {
        name for name in MODELS if isinstance(build(configs[name], SIZES), VideoModel)
    }
    assert known == SMALL.keys() == BY_HEART.keys() == FINDS.keys()
    assert known == {each.name for each in CONFIGS.values()}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_parameter_learns(name: str) -> None:
    model = made(CONFIGS[name]).train()
    batch = given(model)
    model.loss(model(batch.batch), batch).backward()
    for part, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, part


@pytest.mark.parametrize("name", CONFIGS)
def test_mixed_precision_changes_little(name: str) -> None:
    model = made(CONFIGS[name]).eval()
    batch = given(model)
    usual = model.loss(model(batch.batch), batch)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.loss(model(batch.batch), batch)
    mixed.backward()
    assert mixed.item() == pytest.approx(usual.item(), rel=0.05, abs=0.01)
    for part, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), part


@pytest.mark.parametrize("name", SMALL)
def test_queries_of_nothing_true_can_be_learnt_from(name: str) -> None:
    """There is a gradient, if of 0, for every parameter: processes wait for one another."""
    model = made(SMALL[name]).train()
    batch = given(model)
    none = replace(
        batch, truth_s=batch.truth_s[:, :0], truth_mask=batch.truth_mask[:, :0]
    )
    loss = model.loss(model(none.batch), none)
    loss.backward()
    assert loss.isfinite()
    for part, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), part


@pytest.mark.parametrize("name", CONFIGS)
def test_padding_never_matters(name: str) -> None:
    """Neither what is in it, nor how much there is; nor who else is asked."""
    config = CONFIGS[name]
    model = made(config)
    batch = given(model)
    one = batch.batch
    of_video = one.clip_mask[: len(one.clips)]
    noisy = replace(
        one,
        clips=one.clips.masked_fill(~of_video[..., None], 1e3),
        words=one.words.masked_fill(~one.word_mask[..., None], 1e3),
        regions=one.regions.masked_fill(~one.region_mask[..., None], 1e3),
    )
    pad = torch.nn.functional.pad
    longer = replace(
        noisy,
        words=pad(one.words, (0, 0, 0, 4), value=3.0),
        word_mask=pad(one.word_mask, (0, 4)),
        noun_mask=pad(one.noun_mask, (0, 4)),
    )
    # 2D-TAN cuts every video into as many clips.
    if not isinstance(config, Tan2DConfig):
        longer = replace(
            longer,
            clips=pad(one.clips, (0, 0, 0, 5), value=-2.0),
            clip_mask=pad(one.clip_mask, (0, 5)),
            regions=pad(one.regions, (0, 0, 0, 0, 0, 5), value=7.0),
            boxes=pad(one.boxes, (0, 0, 0, 0, 0, 5), value=0.5),
            region_mask=pad(one.region_mask, (0, 0, 0, 5)),
        )
    with torch.no_grad():
        expected = model(one)
        loss = model.loss(expected, batch)
        for padded in (noisy, longer):
            found = model(padded)
            close(found.spans_s, expected.spans_s)
            close(found.relevance, expected.relevance)
            close(model.loss(found, replace(batch, batch=padded)), float(loss))
        for row in range(len(TRUTHS)):
            clips, words = int(one.clip_mask[row].sum()), int(one.word_mask[row].sum())
            video = int(one.video[row])
            alone = model(
                VideoBatch(
                    clips=one.clips[video : video + 1, :clips],
                    video=torch.tensor([0]),
                    clip_mask=one.clip_mask[row : row + 1, :clips],
                    duration_s=one.duration_s[row : row + 1],
                    words=one.words[row : row + 1, :words],
                    word_mask=one.word_mask[row : row + 1, :words],
                    noun_mask=one.noun_mask[row : row + 1, :words],
                    sentences=one.sentences[row : row + 1],
                    regions=one.regions[video : video + 1, :clips],
                    boxes=one.boxes[video : video + 1, :clips],
                    region_mask=one.region_mask[video : video + 1, :clips],
                )
            )
            close(alone.spans_s[0], expected.spans_s[row])
            close(alone.relevance[0], expected.relevance[row])


@pytest.mark.parametrize("name", SMALL)
def test_relevance_changes_with_the_query(name: str) -> None:
    """Rows 2 and 3 are of one video."""
    model = made(SMALL[name])
    with torch.no_grad():
        relevance = model(given(model).batch).relevance
    there = relevance[2].isfinite()
    assert (relevance[2] - relevance[3])[there].abs().max() > 1e-3


@pytest.mark.slice
@pytest.mark.parametrize("name", BY_HEART)
def test_learns_a_few_queries_by_heart(name: str) -> None:
    """Eight of two videos of random features."""
    spans = [(0.0, 4.0), (6.0, 11.0), (12.0, 20.0), (3.0, 15.0)]
    truths = [(Span(*each),) for each in spans]
    split = worlds.split({"a": truths, "b": truths[::-1]}, duration_s=20.0, rate_hz=2.0)
    table = measure(learnt(BY_HEART[name], split, split, queries=8), "plain")
    assert table.recall(n=1, iou=0.7) == 1


@pytest.mark.slice
@pytest.mark.parametrize("name", FINDS)
def test_finds_what_is_elsewhere_in_every_video(name: str) -> None:
    """In videos that were not trained with: where a thing is seen must be learnt, and
    cannot be learnt by heart."""
    found = learnt(FINDS[name], parade(60, seed=0), parade(20, seed=1), queries=32)
    table = measure(found, "plain")
    assert table.recall(n=1, iou=0.5) > 0.9


@pytest.mark.slice
@pytest.mark.parametrize("name", SMALL)
def test_is_trained_and_searches_as_it_is_evaluated(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of a few steps; then search gives the moments of evaluation."""
    # All queries of a video at once are rounded in another way than one of them.
    monkeypatch.setattr(inference, "QUERIES", 1)
    experiment = _tiny(SMALL[name], TINY.training)
    run = training.train("tiny", experiment, tmp_path / "run")
    rows = run.read("history")["evaluations"]
    assert [row["step"] for row in rows] == [worlds.EVERY * i for i in (1, 2, 3)]
    model, _ = run.load()
    test = open_splits(experiment, ("test",))["test"]
    found = Searcher(checkpoint=run.folder, store=tiny().store)
    dataset = open_dataset(experiment)
    told = run.confidence or Confidence(1.0, 0.0)
    predictions = predict(model, test, experiment, confidence=told)
    assert len(predictions) == len(test.queries) > 2
    for each in predictions:
        answer = found.search(dataset.path(each.video_id), each.query, top=5)
        expected = each.moments(top=5)
        assert [(m.span.start, m.span.end) for m in answer.moments] == [
            pytest.approx((m.span.start, m.span.end), abs=1e-4) for m in expected
        ]
        sure = [float(model.confidence(m.score)) for m in expected]
        if name == "slta_pyramid":
            # The only one that learns whether there is a moment.
            assert each.existence is not None
            sure = [each.existence * score / sure[0] for score in sure]
        assert [m.score for m in answer.moments] == pytest.approx(sure, abs=1e-5)
        assert answer.confidence == answer.moments[0].score


@pytest.mark.slice
@pytest.mark.parametrize("name", SMALL)
def test_the_experiment_begins(name: str, tmp_path: Path) -> None:
    """Its model and its training, for three steps, on the tiny world."""
    experiment = titled(f"shapes_{name}")
    usual = titled("shapes_slta")
    assert experiment.dataset == usual.dataset
    assert experiment.features == usual.features
    assert not (experiment.training.still_steps or experiment.training.clip_dropout)
    begun = _tiny(
        experiment.model, replace(experiment.training, steps=3, evaluate_every=3)
    )
    run = training.train(f"shapes_{name}", begun, tmp_path / name)
    (row,) = run.read("history")["evaluations"]
    assert row["step"] == 3 and np.isfinite(row["loss"])


def _tiny(model: Named, usual: TrainingConfig) -> Experiment:
    quick: dict[str, Any] = {"still_steps": 0, "clip_dropout": 0.0, "threads": 1}
    return replace(TINY, model=model, training=replace(usual, **quick))
