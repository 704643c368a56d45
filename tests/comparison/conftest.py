"""A small data set of pre-extracted features, and a comparison on it, made once."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from slta.comparison import compare
from slta.comparison.plan import Plan
from tests.support.once import made_once
from tests.support.own_data import SPLITS, annotated, moments_of, planted, save_arrays

PLAN = Plan(
    experiments=("own",),
    runs=Path("runs"),
    seeds=(0, 1),
    learning_rates=(0.001, 0.01),
    steps=(4,),
    root="own",
    store=Path("store"),
)


@pytest.fixture(scope="session")
def folder() -> Path:
    """With pre-extracted features, and a comparison of them; not to be changed."""
    return made_once("compared", _compare)


def _compare(folder: Path) -> None:
    annotated(folder / "own", SPLITS)
    for name in [name for names in SPLITS.values() for name in names]:
        made = planted(int(name[2:4]), moments_of(int(name[2:4])))
        save_arrays(folder / "own" / "features" / f"{name}.npz", made)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        told: list[tuple[float, float]] = []
        found = compare.compare(PLAN, lambda done, total: told.append((done, total)))
        assert told[0] == (0, 3) and told[-1] == (3, 3)
        (folder / "found.json").write_text(json.dumps(found))


@pytest.fixture
def found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The comparison; a copy of its folder is the current one."""
    here = tmp_path / "here"
    shutil.copytree(folder, here)
    monkeypatch.chdir(here)
    whole: dict[str, Any] = json.loads(Path("found.json").read_text())
    return whole
