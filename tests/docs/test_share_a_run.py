"""The page docs/how-to/share-a-run.md can be followed."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from slta.experiments.config import Experiment
from slta.features import EXTRACTORS, Kind
from slta.models import build
from slta.models.base import Sizes
from slta.runs.run import About, Run
from tests.support.commands import answered, call
from tests.support.extractors import Tiles, coloured
from tests.support.hub import serving_hub
from tests.support.worlds import TINY

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "share-a-run.md"
NAME = "someone/tiles"


def test_a_run_is_shared_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLTA_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(EXTRACTORS, "tiles", Kind(lambda _: Tiles()))
    features = replace(TINY.features, extractor="tiles")
    experiment: Experiment = replace(TINY, features=features)
    run = Run.create(Path("RUN"), "tiles", experiment)
    sizes = Sizes(region=3, frame=3, word=3, sentence=3)
    torch.manual_seed(0)
    run.save(build(experiment.model, sizes), About("tiles", "1", sizes, step=1))
    coloured(tmp_path / "film.mp4")
    page = PAGE.read_text().replace("OWNER/NAME", NAME)
    push, search, _ = (
        shlex.split(line)[1:] for line in re.findall(r"^ {4}(slta .*)$", page, re.M)
    )
    with serving_hub(tmp_path / "cache") as hub:
        assert call(capsys, *push).out.strip() == f"{hub.address}/{NAME}"
        answered(call(capsys, *search))
        (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        told: dict[str, Run] = {}
        exec(compile(code, PAGE.name, "exec"), told)
        assert told["run"].experiment.model == TINY.model
        pulled = call(capsys, *shlex.split(f"pull {NAME}")).out.strip()
        assert Path(pulled) == told["run"].folder
