"""Runs of earlier versions, with their names of fields, weights and features."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from slta.experiments import experiment, from_json
from slta.models import build
from slta.models.base import Model, Sizes
from slta.runs.run import ABOUT, About, Run

SIZES = Sizes(region=6, frame=5, word=4)
NAMES = ("moment_detr", "qd_detr")
FEW: dict[str, Any] = {"size": 8, "heads": 2, "feedforward_size": 8}


def older_weight(model: str, name: str) -> str:
    """What a weight was called before moment queries and class heads had their names."""
    if model == "moment_detr":
        name = name.replace("class_head.", "foreground.")
        return "slots" if name == "moment_queries" else name
    if not name.startswith("decoder."):
        return name
    name = name.removeprefix("decoder.").replace("class_head.", "foreground.")
    return "slots.slots" if name == "moment_queries" else f"slots.{name}"


def older_run(folder: Path, name: str) -> tuple[Run, Model]:
    """A run as an earlier version wrote it, and its model."""
    usual = experiment(name, "composites")
    config = replace(usual.model, max_clips=30, moment_queries=4, **FEW)  # type: ignore[type-var]
    run = Run.create(folder / "run", name, replace(usual, model=config))
    torch.manual_seed(0)
    model = build(config, SIZES)
    run.save(model, About("preextracted-own", "1", SIZES, step=7))

    facts = run.read("config")
    fields = facts["experiment"]["model"]
    fields["slots"] = fields.pop("moment_queries")
    fields["most_clips"] = fields.pop("max_clips")
    facts["experiment"]["features"]["extractor"] = "ready"
    run.write("config", facts)
    about = {"extractor": "ready-own", "version": "1", "sizes": SIZES._asdict()}
    weights: dict[str, Tensor] = {
        older_weight(name, key): values for key, values in model.state_dict().items()
    }
    assert {"slots", "slots.slots"} & weights.keys()
    metadata = {ABOUT: json.dumps({**about, "step": 7})}
    safetensors.torch.save_file(weights, run.weights, metadata)
    return Run.open(run.folder), model


@pytest.mark.parametrize("name", NAMES)
def test_an_older_run_is_opened_under_todays_names(name: str, tmp_path: Path) -> None:
    run, model = older_run(tmp_path, name)
    config: Any = run.experiment.model
    assert (config.moment_queries, config.max_clips) == (4, 30)
    loaded, about = run.load()
    expected = model.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for key, values in loaded.state_dict().items():
        assert torch.equal(values, expected[key]), key
    assert about.extractor == "preextracted-own"
    assert run.experiment.features.extractor == "preextracted"


def test_a_field_of_another_model_keeps_its_name() -> None:
    usual = experiment("slta", "composites")
    with pytest.raises(ValueError, match=r"unknown field 'model\.slots'"):
        from_json({"model": {"slots": 4}}, usual)
