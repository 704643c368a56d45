"""Finished runs beside experiments, by the folders that they are in."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from slta.comparison.rows import resolve
from slta.runs.run import Run
from tests.comparison.conftest import PLAN
from tests.support.commands import Called, call, refused

pytestmark = pytest.mark.slice

FIRST, SECOND = Path("runs/own-0.001-4-0"), Path("runs/own-0.01-4-0")
"""Of the comparison's runs: those of seed 0."""


def compared(capsys: pytest.CaptureFixture[str], *words: object) -> Called:
    return call(capsys, "compare", *words, "--store", "store", "--processes", 1)


def results(called: Called, path: str = "comparison.json") -> dict[str, Any]:
    assert called.code == 0, called.err
    whole: dict[str, Any] = json.loads(Path(path).read_text())
    return whole


def edited(run: Path, name: str, /, **values: Any) -> None:
    """A run of which a file says something else."""
    path = run / f"{name}.json"
    facts = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({k: v for k, v in facts.items() if v is not None}))


def selected(found: dict[str, Any]) -> tuple[Path, Path]:
    """The runs that the comparison kept."""
    first, second = found["models"]["own"]["runs"]
    return Path(first), Path(second)


def test_runs_that_differ_in_the_seed_only_are_one_row(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    zero, one = selected(found)
    other = ({FIRST, SECOND} - {zero}).pop()
    whole = results(compared(capsys, one, other, f"{zero}/", zero))
    both, alone = whole["models"].values()
    assert both["runs"] == [str(zero), str(one)] and both["seeds"] == [0, 1]
    assert both["test"] == found["models"]["own"]["test"]
    assert alone["runs"] == [str(other)] and alone["tried"] == []
    assert alone["test"]["mIoU"]["difference"] == pytest.approx(
        alone["test"]["mIoU"]["mean"] - both["test"]["mIoU"]["mean"]
    )
    assert [*whole["models"]] == [zero.name, other.name]


def test_a_second_run_of_a_seed_is_a_row_of_its_own(found: dict[str, Any]) -> None:
    zero, one = selected(found)
    shutil.copytree(zero, "again")
    rows = resolve([str(zero), "again", str(one)])
    assert [[run.folder.name for run in row] for row in rows.finished.values()] == [
        [zero.name, one.name],
        ["again"],
    ]


def test_a_fine_tuned_run_is_no_seed_of_one_that_is_not(found: dict[str, Any]) -> None:
    zero, one = selected(found)
    edited(one, "config", **{"from": {"run": "x", "sha256": "1"}})
    assert len(resolve([str(zero), str(one)]).experiments) == 2


def test_runs_stand_beside_models_that_are_trained(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The run keeps its weights, the models get theirs; a table says all of it."""
    weights = (SECOND / "weights.safetensors").read_bytes()
    shutil.copytree(SECOND, "elsewhere/my_run")
    shutil.rmtree("runs")
    flags = "--on", "own", "--root", "own", "--seeds", 0, 1, "--steps", 4
    files = "--table", "t.csv", "--table", "t.md", "--table", "t.tex"
    names = "ctrl", "elsewhere/my_run", "slta_no_context"
    called = compared(capsys, *names, *flags, "--learning-rates", 0.01, *files)
    whole = results(called)
    assert [*whole["models"]] == ["own_ctrl", "own", "own_slta_no_context"]
    assert [r["label"] for r in whole["models"].values()] == ["ctrl", "slta", names[2]]
    assert [r["seeds"] for r in whole["models"].values()] == [[0, 1], [0], [0, 1]]
    made = sorted(path.name for path in Path("runs/compare").iterdir() if path.is_dir())
    assert made == sorted(
        f"own_{name}-0.01-4-{seed}"
        for name in ("ctrl", "slta_no_context")
        for seed in (0, 1)
    )
    config = Run(Path("runs/compare/own_slta_no_context-0.01-4-1")).experiment
    assert not config.model.context and config.training.seed == 1  # type: ignore[attr-defined]
    assert Path("elsewhere/my_run/weights.safetensors").read_bytes() == weights

    with Path("t.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    keys = {(r["run"], r["split"], r["protocol"], r["metric"]) for r in rows}
    assert len(keys) == len(rows) and len({r["run"] for r in rows}) == 5
    (mine,) = [
        r for r in rows if r["run"] == "elsewhere/my_run" and r["metric"] == "mIoU"
    ]
    expected = whole["models"]["own"]["test"]["mIoU"]
    assert float(mine["value"]) == expected["mean"]
    assert [float(mine["low"]), float(mine["high"])] == expected["interval"]
    assert (mine["learning_rate"], mine["steps"], mine["data"]) == ("0.01", "4", "own")
    assert "`slta_no_context`" in Path("t.md").read_text()
    assert r"slta\_no\_context" in Path("t.tex").read_text()


def test_a_model_of_a_file_is_trained_and_its_runs_are_taken(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("compared_model.py").write_text(
        "from dataclasses import dataclass, replace\n"
        "from slta.models.base import Sizes\n"
        "from slta.models.ctrl import CTRL, CTRLConfig\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Config(CTRLConfig):\n"
        "    name = 'compared_model'\n"
        "class MyModel(CTRL):\n"
        "    def __init__(self, config: Config, sizes: Sizes) -> None:\n"
        "        super().__init__(config, sizes)\n"
    )
    flags = "--root", "own", "--seeds", 0, "--steps", 2, "--learning-rates", 0.01
    named = "compared_model.py:MyModel", "--on", "own"
    whole = results(compared(capsys, *named, *flags))
    row = whole["models"]["own_MyModel"]
    assert row["model"] == "compared_model" and row["label"] == "MyModel"
    again = results(compared(capsys, *row["runs"], SECOND, "--model", named[0]))
    assert again["models"]["own_MyModel"]["test"] == row["test"]


def test_a_run_that_was_moved_with_its_data_is_compared(
    found: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To another machine, as it seems: without its predictions, and read-only data."""
    zero, _ = selected(found)
    shutil.copytree(zero, tmp_path / "there" / "run")
    shutil.rmtree(tmp_path / "there" / "run" / "predictions")
    shutil.copytree("own", tmp_path / "there" / "data")
    monkeypatch.chdir(tmp_path / "there")
    refused(compared(capsys, "run"), "own is not a folder; give .* with --root DIR")
    whole = results(compared(capsys, "run", "--root", "data"))
    before = found["models"]["own"]["test"]["mIoU"]["seeds"][0]
    assert whole["models"]["own"]["test"]["mIoU"]["mean"] == pytest.approx(before)
    path = Path("data/train.jsonl")
    path.write_text(path.read_text().replace('"query": "', '"query": "now ', 1))
    line = refused(
        compared(capsys, "run", "--root", "data"),
        r"run was trained with another data \(SHA-256 \w{12}\) than .*\(SHA-256 \w{12}\)",
    )
    assert found["made_by"]["data"][:12] in line


@pytest.mark.parametrize("fact", ["data", "extractor", "extractor_version", "words"])
def test_runs_of_other_data_or_features_are_refused(
    fact: str, found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the model beside them is trained."""
    edited(SECOND, "provenance", **{fact: "000000000000"})
    called = fact.replace("_", " ")
    flags = "--on", "own", "--root", "own"
    for names in ((FIRST, SECOND), ("ctrl", SECOND, *flags)):
        line = refused(
            compared(capsys, *names),
            rf"{SECOND} was trained with another {called} \((SHA-256 )?000000000000\) ",
        )
        assert found["made_by"][fact][:12] in line
    assert not Path("runs/compare").exists()


def test_runs_of_other_commits_are_compared_and_it_is_told(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    edited(SECOND, "provenance", commit="0000000")
    called = compared(capsys, FIRST, SECOND)
    whole = results(called)
    assert whole["models"][SECOND.name]["commits"] == ["0000000"]
    told = called.out.splitlines()[-1]
    assert "different commits" in told and f"0000000: {SECOND.name}" in told
    edited(SECOND, "provenance", commit=found["made_by"]["commit"])
    assert "different commits" not in compared(capsys, FIRST, SECOND).out


def test_a_run_of_an_older_version_does_not_tell_all_and_is_compared(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    edited(SECOND, "provenance", words=None)
    results(compared(capsys, FIRST, SECOND))


def test_a_run_that_cannot_be_compared_is_told(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    other = json.loads((SECOND / "config.json").read_text())
    other["experiment"]["features"]["rate_hz"] = 9.0
    shutil.copytree(SECOND, "faster")
    edited(Path("faster"), "config", **other)
    refused(
        compared(capsys, FIRST, "faster"),
        r"have different features \(rate_hz 2.0 and 9.0\)",
    )
    line = refused(compared(capsys, "shapes_ctrl", FIRST), "are on different data")
    assert "shapes and own" in line
    refused(
        compared(capsys, FIRST, "--on", "shapes"),
        f"{FIRST} is a run on own, not on shapes",
    )
    Path("empty").mkdir()
    refused(
        compared(capsys, "empty"),
        "empty is not a run folder.* config.json; name the folder",
    )
    edited(SECOND, "provenance", seconds=None)
    refused(
        compared(capsys, FIRST, SECOND),
        f"{SECOND} is not finished; continue it with 'slta train --resume {SECOND}'",
    )
    (SECOND / "diverged.json").write_text('{"batch": 3}')
    refused(compared(capsys, FIRST, SECOND), f"{SECOND} diverged at batch 3; train")
    (FIRST / "config.json").write_text("[")
    refused(compared(capsys, FIRST, SECOND), f"{FIRST}/config.json cannot be read")


def test_the_plan_of_the_fixture_is_that_of_the_command() -> None:
    rows = resolve(["own", "ctrl", "own"], "own")
    assert rows.experiments == (*PLAN.experiments, "own_ctrl") and not rows.finished
    assert rows.models == {"own_ctrl": ("ctrl", "own")}


def test_models_that_cannot_be_told_apart_are_refused(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        "from slta.models.ctrl import CTRL, CTRLConfig\n"
        "from slta.models.base import Sizes\n"
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Config(CTRLConfig):\n"
        "    name = '{}'\n"
        "class A(CTRL):\n"
        "    def __init__(self, config: Config, sizes: Sizes) -> None: ...\n"
        "class B(A):\n"
        "    def __init__(self, config: Config, sizes: Sizes) -> None: ...\n"
    )
    for file, name in (("one", "apart"), ("two", "aside"), ("three", "apart")):
        Path(f"apart_{file}.py").write_text(text.format(name))
    flags = "--on", "own"
    first = "apart_one.py:A"
    line = refused(compared(capsys, first, "apart_two.py:A", *flags), "would both be")
    assert "own_A" in line
    refused(
        compared(capsys, first, "apart_one.py:B", *flags),
        f"{first} and apart_one.py:B have the same name, 'apart'",
    )
    refused(
        compared(capsys, first, "apart_three.py:B", *flags),
        "apart_three.py:B has the name 'apart', as [AB] of apart_one has",
    )
