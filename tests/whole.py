"""What the tests of all models that see whole videos share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from slta import training
from slta.config import Experiment, ModelConfig, TrainingConfig
from slta.datasets.whole import TrainingVideos, Videos
from slta.evaluation import measure
from slta.experiments import EXPERIMENTS
from slta.learning import sampler
from slta.models import build
from slta.models.base import Scale, Sizes, VideoModel
from slta.moments import Span
from slta.preparation import open_dataset, open_splits
from slta.scoring import predict
from slta.search import Searcher
from tests import worlds
from tests.worlds import TINY, tiny

SIZES = Sizes(region=6, frame=5, word=7, sentence=8)
TRUTHS: list[tuple[tuple[float, float], ...]] = [
    ((0.1, 0.4),),
    ((0.0, 0.2), (0.5, 0.9), (0.55, 0.6)),
    (),
    ((0.3, 1.0), (0.8, 0.82)),
]
"""As shares of the video: one, several, none."""


def made(config: ModelConfig, seed: int = 0) -> VideoModel:
    """A new model that knows the scale of some features, and is asked, not trained."""
    torch.manual_seed(seed)
    model = build(config, SIZES)
    assert isinstance(model, VideoModel)
    model.fit(
        Scale(
            *(
                (torch.randn(size), torch.rand(size) + 0.5)
                for size in (SIZES.region, 5, SIZES.frame, SIZES.word)
            )
        )
    )
    return model.eval()


def given(model: VideoModel, seed: int = 0, *, frames: int = 9) -> TrainingVideos:
    """Random, of ``TRUTHS``; the last two rows are of one video."""
    rng = np.random.default_rng(seed)
    count = len(TRUTHS)
    shown = [model.clips(n) for n in (frames, frames - 3, 2, 2)]
    said = [6, 1, 4, 3]
    longest = max(map(len, TRUTHS))
    duration_s = torch.tensor([10.0, 7.3, 4.0, 4.0])
    truth, truth_mask = torch.zeros(count, longest, 2), torch.zeros(count, longest) > 0
    for row, spans in enumerate(TRUTHS):
        for i, span in enumerate(spans):
            truth[row, i] = torch.tensor(span) * duration_s[row]
            truth_mask[row, i] = True

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    clips = normal(count, max(shown), SIZES.frame)
    clips[3] = clips[2]
    batch = Videos(
        clips=clips,
        clip_mask=torch.arange(max(shown)) < torch.tensor(shown)[:, None],
        duration_s=duration_s,
        words=normal(count, max(said), SIZES.word),
        word_mask=torch.arange(max(said)) < torch.tensor(said)[:, None],
        sentences=normal(count, SIZES.sentence),
    )
    return TrainingVideos(batch, truth, truth_mask, torch.tensor([4, 2, 7, 7]))


def close(found: torch.Tensor, expected: torch.Tensor | float) -> None:
    torch.testing.assert_close(
        found, torch.as_tensor(expected, dtype=found.dtype), atol=1e-5, rtol=1e-5
    )


def every_parameter_learns(config: ModelConfig) -> None:
    model = made(config).train()
    batch = given(model)
    model.loss(model(batch.batch), batch).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def nothing_true_gives_a_loss(config: ModelConfig) -> None:
    """And a gradient, if of 0, for every parameter: processes wait for one another."""
    model = made(config).train()
    batch = given(model)
    none = replace(
        batch, truth_s=batch.truth_s[:, :0], truth_mask=batch.truth_mask[:, :0]
    )
    loss = model.loss(model(none.batch), none)
    loss.backward()
    assert loss.isfinite()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def padding_never_matters(config: ModelConfig, *, of_clips: bool = True) -> None:
    """Neither what is in it, nor how much there is; nor who else is asked."""
    model = made(config)
    batch = given(model)
    one = batch.batch
    noisy = replace(
        one,
        clips=one.clips.masked_fill(~one.clip_mask[..., None], 1e3),
        words=one.words.masked_fill(~one.word_mask[..., None], 1e3),
    )
    pad = torch.nn.functional.pad
    longer = replace(
        noisy,
        words=pad(one.words, (0, 0, 0, 4), value=3.0),
        word_mask=pad(one.word_mask, (0, 4)),
    )
    if of_clips:
        longer = replace(
            longer,
            clips=pad(one.clips, (0, 0, 0, 5), value=-2.0),
            clip_mask=pad(one.clip_mask, (0, 5)),
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
            alone = model(
                Videos(
                    one.clips[row : row + 1, :clips],
                    one.clip_mask[row : row + 1, :clips],
                    one.duration_s[row : row + 1],
                    one.words[row : row + 1, :words],
                    one.word_mask[row : row + 1, :words],
                    one.sentences[row : row + 1],
                )
            )
            close(alone.spans_s[0], expected.spans_s[row])
            close(alone.relevance[0], expected.relevance[row])


def changes_with_the_query(config: ModelConfig) -> None:
    """Rows 2 and 3 are of one video."""
    model = made(config)
    with torch.no_grad():
        relevance = model(given(model).batch).relevance
    assert (relevance[2] - relevance[3]).abs().max() > 1e-3


def learns_by_heart(config: ModelConfig, *, steps: int, rate: float) -> None:
    """Eight queries of two videos of random features, in a plain loop."""
    spans = [(0.0, 4.0), (6.0, 11.0), (12.0, 20.0), (3.0, 15.0)]
    truths = [(Span(*each),) for each in spans]
    split = worlds.split({"a": truths, "b": truths[::-1]}, duration_s=20.0, rate_hz=2.0)
    experiment = Experiment(
        model=config, training=TrainingConfig(queries=8, queries_per_video=4)
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, _ = training.new_model(experiment, split, tiny().store)
        draws = sampler(model, experiment, split)
        optimizer = torch.optim.Adam(model.parameters(), lr=rate)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
            batch = draws.draw(0, step)
            loss = model.loss(model(batch.batch), batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        table = measure(predict(model, split, experiment), "plain")
    finally:
        torch.set_num_threads(threads)
    assert table.recall(n=1, iou=0.7) == 1


def is_trained_and_searched(config: ModelConfig, folder: Path) -> None:
    """A run of a few steps; then search gives the moments of evaluation."""
    experiment = _tiny(config, TINY.training)
    run = training.train("tiny", experiment, folder / "run")
    rows = run.read("history")["evaluations"]
    assert [row["step"] for row in rows] == [worlds.EVERY * i for i in (1, 2, 3)]
    model, _ = run.load()
    test = open_splits(experiment, ("test",))["test"]
    found = Searcher(checkpoint=run.folder, store=tiny().store)
    dataset = open_dataset(experiment)
    predictions = predict(model, test, experiment)
    assert len(predictions) == len(test.queries) > 2
    for each in predictions:
        answer = found.search(dataset.path(each.video_id), each.query, top=5)
        expected = each.moments(top=5)
        # All queries of a video at once are rounded in another way than one of them.
        assert [(m.span.start, m.span.end) for m in answer.moments] == [
            pytest.approx((m.span.start, m.span.end), abs=1e-4) for m in expected
        ]
        sure = [float(model.confidence(m.score)) for m in expected]
        assert [m.score for m in answer.moments] == pytest.approx(sure, abs=1e-5)
        assert answer.confidence == answer.moments[0].score


def an_experiment_begins(name: str, folder: Path) -> None:
    """Its model and its training, for three steps, on the tiny world."""
    experiment = EXPERIMENTS[name]
    usual = EXPERIMENTS["shapes_slta"]
    assert experiment.dataset == usual.dataset
    assert experiment.features == usual.features
    assert not (experiment.training.still_steps or experiment.training.clip_dropout)
    begun = _tiny(
        experiment.model, replace(experiment.training, steps=3, evaluate_every=3)
    )
    run = training.train(name, begun, folder / name)
    (row,) = run.read("history")["evaluations"]
    assert row["step"] == 3 and np.isfinite(row["loss"])


def _tiny(model: ModelConfig, given: TrainingConfig) -> Experiment:
    quick: dict[str, Any] = {"still_steps": 0, "clip_dropout": 0.0, "threads": 1}
    return replace(TINY, model=model, training=replace(given, **quick))
