"""Charades-STA's real queries are learnt from features in which they can be found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.planted import MEASURE, experiment, prepared
from benchmarks.planting import Planting, noise

from slta.evaluation import measuring
from slta.evaluation.measuring import without_video
from slta.experiments.opening import open_splits
from slta.runs.inference import predict
from slta.training.train import train
from tests.conftest import SHARED

DATA = SHARED / "data"


@pytest.mark.parametrize("lasting", [0.0, 0.8])
def test_noise_is_as_alike_from_frame_to_frame_as_it_says(lasting: float) -> None:
    planting = Planting(lasting=lasting)
    found = noise(300, planting, np.random.default_rng(0))
    assert found.std() == pytest.approx(1, abs=0.02)
    assert (found[1:] * found[:-1]).mean() == pytest.approx(lasting, abs=0.02)
    assert (found[:, 1:] * found[:, :-1]).mean() == pytest.approx(0, abs=0.02)


@pytest.mark.real
@pytest.mark.slice
def test_a_few_dozen_videos_are_learnt(tmp_path: Path) -> None:
    root, store = tmp_path / "charades", tmp_path / "store"
    prepared(DATA, root, Planting(), {"train": 40, "test": 4})
    usual = experiment(DATA, root, ",regions=8", 1.0)
    training = replace(usual.training, steps=120, evaluate_every=60, queries=16)
    run = train("few", replace(usual, training=training), tmp_path / "run", store=store)
    first, last = run.read("history")["evaluations"]
    assert last["loss"] < first["loss"] / 2
    model, _ = run.load()
    learnt = open_splits(run.experiment, ("train",), store)["train"]
    answers = {
        "slta": predict(model, learnt, run.experiment),
        "moment frequencies": without_video(
            "moment frequencies", learnt, learnt, run.experiment.candidates
        ),
    }
    low, high = (
        measuring.numbers(answers[name], "ctrl")[MEASURE]["interval"][end]
        for name, end in (("slta", 0), ("moment frequencies", 1))
    )
    assert low > high + 0.2
