"""Comparisons on data with queries that have no moment."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.comparison import tables
from slta.comparison.summary import numbers
from slta.evaluation.measuring import SEED, measure
from slta.evaluation.predictions import Prediction
from slta.runs.run import Run
from tests.support.commands import Called, call
from tests.support.comparisons import comparison
from tests.support.existence_models import VIDEOS, know, with_runs

pytestmark = pytest.mark.slice
COUNT = 2 * VIDEOS["test"]
"""Queries of test with a moment, and as many without."""


@pytest.fixture(scope="module")
def folder() -> Path:
    return with_runs()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    know(monkeypatch)
    monkeypatch.chdir(tmp_path)
    for name in ("teller", "ctrl"):
        shutil.copytree(folder / name, name)


def compared(
    capsys: pytest.CaptureFixture[str], folder: Path, *more: object
) -> tuple[Called, dict[str, Any]]:
    store = "--store", folder / "store", "--processes", 1
    called = call(capsys, "compare", "./ctrl", "./teller", *store, *more)
    assert called.code == 0, called.err
    return called, json.loads(Path("comparison.json").read_text())


def auroc(predictions: list[Prediction]) -> float:
    """The share of pairs in which the query with a moment is the surer one."""
    sure = np.array([each.existence for each in predictions], float)
    there = np.array([len(each.truth) > 0 for each in predictions])
    more = sure[there][:, None] - sure[~there]
    return float(np.mean((more > 0) + (more == 0) / 2))


def test_telling_that_there_is_none_is_compared_with_intervals_over_videos() -> None:
    runs = [Run(Path("teller")), Run(Path("ctrl"))]
    found = numbers(runs, runs[1:], "test", "gmr")
    rows = [[*run.predictions("test")] for run in runs]
    by_video: list[dict[str, list[Prediction]]] = [{}, {}]
    for row, of in zip(rows, by_video, strict=True):
        for each in row:
            of.setdefault(each.video_id, []).append(each)
    names = sorted(by_video[0])
    values = np.array([auroc(row) for row in rows])
    samples = np.array(
        [
            [auroc([p for i in drawn for p in of[names[i]]]) for of in by_video]
            for drawn in np.random.default_rng(SEED).integers(
                len(names), size=(2000, len(names))
            )
        ]
    )
    number = found["AUROC"]
    assert number["seeds"] == pytest.approx(values.tolist())
    assert number["mean"] == pytest.approx(values.mean())
    assert number["difference"] == pytest.approx(values.mean() - values[1])
    mean = samples.mean(axis=1)
    for name, sampled in {
        "interval": mean,
        "difference_interval": mean - samples[:, 1],
    }.items():
        expected = np.percentile(sampled, [2.5, 97.5])
        assert number[name] == pytest.approx(expected.tolist())
    assert len(number["seed_intervals"]) == 2
    assert found["queries"] == 2 * COUNT and found["videos"] == VIDEOS["test"]
    table = measure(rows[0], "gmr")
    for name in ("Rej-F1@0.4", "Acc@0.4", "G-mIoU@1", "mAP"):
        assert found[name]["seeds"][0] == pytest.approx(table.mean(name))


def test_a_comparison_by_gmr_measures_every_query(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called, found = compared(
        *(capsys, folder, "--protocol", "gmr"),
        *("--table", "t.md", "--table", "t.csv", "--table", "t.tex"),
    )
    # Every query of train has a moment, so that the main metric is another than AUROC.
    assert found["watched"] == "G-mIoU@1"
    for row in found["models"].values():
        low, high = row["test"]["AUROC"]["interval"]
        assert 0.5 < low < row["test"]["AUROC"]["mean"] < high < 1
        assert {"Rej-F1@0.4", "G-mIoU@1", "mAP"} <= row["test"].keys()
    blind = found["without video"]["test"]["moment frequencies"]
    assert blind["AUROC"]["value"] == 0.5
    assert f"test, protocol gmr, G-mIoU@1; {COUNT} have no moment:" in called.out
    text = Path("t.md").read_text()
    assert "| AUROC | Rej-F1@0.4 | G-mIoU@1 |" in text
    told = (
        f"{2 * COUNT} queries of {VIDEOS['test']} videos, protocol gmr; {COUNT} have no"
    )
    assert told in text and "left out" not in text
    assert r"AUROC" in Path("t.tex").read_text()
    assert any("AUROC" in line for line in Path("t.csv").read_text().splitlines())


def test_other_protocols_tell_what_they_leave_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called, found = compared(capsys, folder, "--table", "t.md")
    assert found["without_moment"] == {"test": COUNT}
    row = found["models"]["teller"]["test"]
    assert row["queries"] == COUNT and "AUROC" not in row
    left = f"{COUNT} have no moment and are left out, which --protocol gmr evaluates"
    assert f"test, protocol ctrl, R@1, IoU=0.5; {left}:" in called.out
    assert f"protocol ctrl; {left}; percentages" in Path("t.md").read_text()


def test_tables_of_earlier_comparisons_say_nothing_of_it() -> None:
    assert "no moment" not in tables.markdown(comparison(slta=0.5))
