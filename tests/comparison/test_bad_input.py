"""What cannot be compared is told in one line, before anything is trained."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slta.experiments import ALIASES, DATA
from tests.support.commands import call, refused
from tests.support.own_data import SPLITS, annotated


def test_what_cannot_be_compared_is_told(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(call(capsys, "compare"), "no models to compare; give models of")
    line = refused(call(capsys, "compare", "own_sltaa"), "unknown experiment 'own_s")
    assert "did you mean own_slta" in line
    line = refused(call(capsys, "compare", "crtl", "--on", "own"), "unknown .*'crtl'")
    assert "did you mean ctrl" in line
    refused(
        call(capsys, "compare", "ctrl"),
        "ctrl needs a data set; give one of .* with --on",
    )
    line = refused(call(capsys, "compare", "ctrl", "--on", "onw"), "unknown data set")
    assert "did you mean own?" in line
    refused(call(capsys, "compare", "runs/none"), "there is no folder runs/none; give")
    refused(call(capsys, "compare", "own/train.jsonl"), "config.json")
    line = refused(
        call(capsys, "compare", "mine.py:M", "--on", "own"), "no file mine.py"
    )
    wrong = call(capsys, "compare", "shapes_slta", "--root", "own")
    refused(wrong, "the data set of shapes_slta is synthetic and has no folder")
    refused(
        call(capsys, "compare", "own", "--root", "nowhere"), "nowhere is not a folder"
    )
    annotated(Path("bare"), SPLITS)
    refused(
        call(capsys, "compare", "own", "--root", "bare", "--runs", "other"),
        "the video 'v_00.avi' is missing; put it into bare/videos",
    )
    assert not Path("other").exists()


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--seeds", -1, r"--seeds must be in \[0, 4294967296\), got -1"),
        ("--steps", 0, "--steps must be at least 1, got 0"),
        ("--learning-rates", "nan", "--learning-rates must be above 0, got nan"),
        (
            "--selection-seeds",
            4,
            "--selection-seeds must be at least 1 and at most 3, the number of se",
        ),
        ("--processes", -1, "--processes must be at least 0, got -1"),
        ("--to", "own", "own cannot be written"),
        ("--to", "own/train.jsonl/x.json", "x.json cannot be written"),
        ("--to", "own/train.jsonl", "train.jsonl exists and is not a comparison; give"),
        (
            "--table",
            "x.txt",
            "--table x.txt is not a supported format; give a file that ends in",
        ),
        ("--table", "own", "--table own is not a supported format; give"),
        ("--table", "own/train.jsonl/x.md", "x.md cannot be written"),
        ("--table", "own/notes.md", "notes.md exists and is not a table of a compar"),
        (
            "--table",
            "comparison.json",
            "comparison.json is not a supported format; give",
        ),
        ("--protocol", "none", "unknown protocol 'none'; it is one of ctrl, plain"),
        ("--runs", "own/train.jsonl", "train.jsonl is a file; name a folder"),
    ],
)
def test_what_a_comparison_cannot_have_is_told_before_the_training(
    flag: str,
    value: object,
    says: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    annotated(tmp_path / "own", SPLITS)
    (tmp_path / "own" / "notes.md").write_text("# Notes")
    monkeypatch.chdir(tmp_path)

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}

    before = files()
    refused(call(capsys, "compare", "own", "--root", "own", flag, value), says)
    assert files() == before


def test_experiments_on_other_data_are_refused_before_they_are_trained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    own = DATA["own"]
    faster = replace(own, features=replace(own.features, rate_hz=9.0))
    monkeypatch.setitem(DATA, "faster", faster)
    monkeypatch.setitem(ALIASES, "faster", ("slta", "faster"))
    for other, differs in (
        ("shapes_ctrl", r"are on different data \(own and shapes\)"),
        ("faster", r"have different features \(rate_hz 2.0 and 9.0\)"),
    ):
        called = call(capsys, "compare", "own", other, "--runs", tmp_path / "runs")
        refused(called, f"own and {other} {differs}; compare")
    assert not (tmp_path / "runs").exists()


def test_data_without_a_split_to_test_on_is_refused_before_the_training(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree("own", tmp_path / "own")
    (tmp_path / "own" / "test.jsonl").unlink()
    given = "--root", tmp_path / "own", "--runs", tmp_path / "runs"
    refused(
        call(capsys, "compare", "own", *given),
        "no split but train and val to compare models on",
    )
    assert not (tmp_path / "runs").exists()
