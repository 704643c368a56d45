"""Experiments on the made world and on composites: each begins, and takes its first
steps."""

from dataclasses import replace

import pytest
import torch
from benchmarks.tables.cells import load

from slta.evaluation.measuring import measure
from slta.experiments import EXPERIMENTS, shapes_models, shapes_slta
from slta.experiments.opening import open_splits
from slta.models import MODELS
from slta.runs.inference import predict
from slta.training.draws import sampler
from slta.training.train import new_model
from tests.support.candidate_models import SMALL
from tests.support.worlds import TINY, tiny

MODEL_OF = {
    found.model: name
    for name, found in reversed(EXPERIMENTS.items())
    if name.startswith(("shapes_", "composites_"))
}
"""The first of the experiments with the same model."""


def test_experiments_differ_in_the_model_and_the_learning_rate() -> None:
    assert shapes_models.EXPERIMENTS.keys() == {f"shapes_{name}" for name in SMALL}
    usual = shapes_slta.EXPERIMENT
    for name, found in shapes_models.EXPERIMENTS.items():
        assert name == f"shapes_{found.model.name}" and found.model.name in MODELS
        training = replace(
            found.training,
            still_steps=usual.training.still_steps,
            clip_dropout=usual.training.clip_dropout,
            noun_dropout=usual.training.noun_dropout,
            learning_rate=usual.training.learning_rate,
        )
        assert replace(found, model=usual.model, training=training) == usual


def test_an_experiment_on_the_made_world_has_what_val_chose() -> None:
    slots = load("models-slots")
    rows = load("models")["models"] | slots["models"] | slots["longer"]["models"]
    assert {"shapes_slta", "shapes_qd_detr", "shapes_moment_detr"} <= rows.keys()
    for name, found in rows.items():
        training = EXPERIMENTS[name].training
        chosen = found["learning_rate"], found["steps"]
        assert (training.learning_rate, training.steps) == chosen, name


@pytest.mark.slice
@pytest.mark.parametrize("name", MODEL_OF.values())
def test_three_steps_change_the_weights_and_leave_answers(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny().enter(monkeypatch)
    usual = EXPERIMENTS[name]
    small = replace(
        TINY,
        model=usual.model,
        training=replace(TINY.training, still_steps=0, clip_dropout=0.0),
    )
    splits = open_splits(small, ("train", "val"))
    model, _ = new_model(small, splits["train"], None)
    learns = [each for each in model.parameters() if each.requires_grad]
    before = [parameter.clone() for parameter in learns]
    draws = sampler(model, small, splits["train"])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(3):
        given = draws.draw(0, step)
        loss = model.loss(model(given.batch), given)
        assert loss.isfinite() and loss > 0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for old, new in zip(before, learns, strict=True):
        assert new.isfinite().all() and (old != new).any()
    answers = predict(model, splits["val"], small)
    assert len(answers) == len(splits["val"].queries)
    assert 0 <= measure(answers, "plain").recall(n=1, iou=0.5) <= 1
