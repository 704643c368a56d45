"""Runs of earlier versions open: their config.json stays readable."""

import json
from pathlib import Path
from typing import Any

import pytest

from slta.experiments import titled
from slta.runs.run import Run

OLD: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "old_configs.json").read_text()
)
"""As version 0.1.0 first wrote them: by name, without a version; the name of the model
and of the data set were fields like others, and Shapes had none."""


@pytest.mark.parametrize("name", OLD)
def test_it_opens_as_what_it_was(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(OLD[name]))
    run = Run.open(tmp_path)
    assert run.name == name and run.experiment == titled(name)


def test_they_differ_from_what_is_written_now(tmp_path: Path) -> None:
    assert "name" not in OLD["shapes_qd_detr"]["experiment"]["dataset"]
    assert all("version" not in content for content in OLD.values())
    run = Run.create(tmp_path / "run", "own", titled("own"))
    assert run.read("config").keys() > OLD["own"].keys()
