"""Runs of earlier versions, with their names of fields and features, and their networks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from slta.errors import InputError
from slta.experiments import experiment, from_json
from slta.models import build
from slta.models.base import Sizes
from slta.runs.run import ABOUT, About, Run

SIZES = Sizes(region=6, frame=5, word=4)
NAMES = ("moment_detr", "qd_detr")
FEW: dict[str, Any] = {"size": 8, "heads": 2, "feedforward_size": 8}


def older_run(folder: Path, name: str) -> Run:
    """A run as an earlier version wrote it, without the weights that the networks gained."""
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
    weights = {**model.state_dict(), "from_ends.weight": torch.zeros(8, 2)}
    metadata = {ABOUT: json.dumps({**about, "step": 7})}
    safetensors.torch.save_file(weights, run.weights, metadata)
    return Run.open(run.folder)


@pytest.mark.parametrize("name", NAMES)
def test_an_older_run_is_opened_under_todays_names(name: str, tmp_path: Path) -> None:
    run = older_run(tmp_path, name)
    config: Any = run.experiment.model
    assert (config.moment_queries, config.max_clips) == (4, 30)
    assert run.experiment.features.extractor == "preextracted"
    assert run.step == 7


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_of_an_earlier_network_are_told(name: str, tmp_path: Path) -> None:
    run = older_run(tmp_path, name)
    with pytest.raises(InputError, match=r"weights\.safetensors is of .* train again$"):
        run.load()


def test_a_field_of_another_model_keeps_its_name() -> None:
    usual = experiment("slta", "composites")
    with pytest.raises(ValueError, match=r"unknown field 'model\.slots'"):
        from_json({"model": {"slots": 4}}, usual)
