"""What the field's own programs computed, to the last digit that they give."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.evaluation.formats.joining import load
from slta.evaluation.measuring import measure
from slta.evaluation.metrics import Table, didemo
from slta.evaluation.metrics.detr import IOUS, LENGTHS_S, LEVELS
from slta.evaluation.predictions import Prediction, write
from slta.moments.spans import from_chunks
from tests.support.commands import call

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def answers(shared: Path) -> Path:
    return shared / "data" / "reference_predictions"


@pytest.fixture(scope="module")
def cbp(answers: Path) -> tuple[Path, Path]:
    return answers / "cbp_tacos.json.gz", answers / "cbp_tacos.test.json.gz"


@pytest.fixture(scope="module")
def moment_detr(shared: Path, answers: Path) -> tuple[Path, Path]:
    truth = shared / "data" / "qvhighlights" / "highlight_val_release.jsonl"
    return answers / "moment_detr_sample_val_preds.jsonl.gz", truth


def percent(table: Table, name: str) -> float:
    """With the two decimals of the field's files."""
    return float(f"{100 * table.mean(name):.2f}")


def test_cbps_answers_get_their_published_numbers(cbp: tuple[Path, Path]) -> None:
    joined = load(*cbp)
    assert (len(joined.predictions), joined.unanswered) == (4083, 0)
    table = measure(joined.predictions, "plain")
    names = ("R@1, IoU=0.5", "R@1, IoU=0.7", "R@5, IoU=0.5", "mIoU")
    assert [percent(table, name) for name in names] == [23.19, 18.54, 35.83, 20.46]


def test_moment_detrs_answers_get_every_number_of_its_file(
    answers: Path, moment_detr: tuple[Path, Path]
) -> None:
    joined = load(*moment_detr)
    assert (len(joined.predictions), joined.unanswered) == (1550, 0)
    table = measure(joined.predictions, "detr")
    file = answers / "moment_detr_sample_val_preds_metrics_raw.json"
    assert as_moment_detr(table) == json.loads(file.read_text())


def as_moment_detr(table: Table) -> dict[str, Any]:
    """The table in the words of Moment-DETR's file."""
    found: dict[str, Any] = {}
    for name in ("full", *LENGTHS_S):
        end = "" if name == "full" else f", {name}"
        found[name] = {
            "MR-mAP": {str(m): percent(table, f"mAP, IoU={m}{end}") for m in IOUS}
            | {"average": percent(table, f"mAP{end}")},
            "MR-R1": {str(m): percent(table, f"R@1, IoU={m}{end}") for m in IOUS},
        }
    for level in LEVELS:
        found[f"HL-min-{level}"] = {
            "HL-mAP": percent(table, f"HL mAP, {level}"),
            "HL-Hit1": percent(table, f"HIT@1, {level}"),
        }
    full = found["full"]
    found["brief"] = {
        "MR-full-R1@0.5": full["MR-R1"]["0.5"],
        "MR-full-R1@0.7": full["MR-R1"]["0.7"],
        "MR-full-mAP": full["MR-mAP"]["average"],
        "MR-full-mAP@0.5": full["MR-mAP"]["0.5"],
        "MR-full-mAP@0.75": full["MR-mAP"]["0.75"],
    }
    for name in LENGTHS_S:
        found["brief"][f"MR-{name}-mAP"] = found[name]["MR-mAP"]["average"]
    for level in LEVELS:
        for kind in ("mAP", "Hit1"):
            value = found[f"HL-min-{level}"][f"HL-{kind}"]
            found["brief"][f"HL-min-{level}-{kind}"] = value
    return found


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    path = shared / "golden" / "didemo_protocol.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@pytest.fixture(scope="module")
def marks(shared: Path) -> dict[int, dict[str, Any]]:
    rows = json.loads((shared / "data" / "didemo" / "val_data.json").read_text())
    return {row["annotation_id"]: row for row in rows}


def test_didemos_measure_is_the_official_one(
    golden: dict[str, Any], marks: dict[int, dict[str, Any]]
) -> None:
    items = golden["items"]
    table = didemo.official(
        [np.array(item["ranking"]) for item in items],
        [np.array(marks[item["annotation_id"]]["times"]) for item in items],
    )
    assert table.queries == 400
    assert table.mean("Rank@1") == golden["rank1"]
    assert table.mean("Rank@5") == golden["rank5"]
    assert table.mean("mIoU") == golden["miou"]


def test_the_moment_prior_gets_its_published_numbers(
    marks: dict[int, dict[str, Any]],
) -> None:
    """Those that depend on the first answer: what follows is known of train only."""
    first = [np.array([[0, 0]])] * len(marks)
    table = didemo.official(first, [np.array(row["times"]) for row in marks.values()])
    assert table.queries == 4180
    assert round(table.mean("Rank@1"), 6) == 0.186842
    assert round(table.mean("mIoU"), 6) == 0.252216


@pytest.mark.parametrize("given", ["seconds", "chunks"])
def test_the_command_gives_didemos_official_numbers(
    golden: dict[str, Any],
    marks: dict[int, dict[str, Any]],
    given: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From a file in the project's own form, with the annotators' moments either way."""
    predictions = []
    for item in golden["items"]:
        row = marks[item["annotation_id"]]
        times = np.array(row["times"])
        predictions.append(
            Prediction(
                query_id=str(item["annotation_id"]),
                video_id=row["video"],
                query=row["description"],
                duration_s=None,
                truth=from_chunks(times if given == "seconds" else times[:1]),
                spans=from_chunks(np.array(item["ranking"])),
                scores=np.zeros(21),
                final=True,
                chunks=times if given == "chunks" else None,
            )
        )
    write(tmp_path / "didemo.jsonl", predictions)
    called = call(
        capsys, "evaluate", tmp_path / "didemo.jsonl", "--protocol", "didemo", "--json"
    )
    found = json.loads(called.out)["answers"]["didemo.jsonl"]
    assert found["Rank@1"]["value"] == golden["rank1"]
    assert found["Rank@5"]["value"] == golden["rank5"]
    assert found["mIoU"]["value"] == pytest.approx(golden["miou"], abs=1e-15)


def test_the_command_prints_the_published_numbers(
    cbp: tuple[Path, Path],
    moment_detr: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for (file, truth), protocol, said in (
        (
            cbp,
            "plain",
            "IoU=0.5, R@10: 0.4205; IoU=0.5, R@5: 0.3583; IoU=0.5, R@1: 0.2319",
        ),
        (
            moment_detr,
            "detr",
            "IoU=0.5, R@1: 0.5394; IoU=0.7, R@1: 0.3484; mAP: 0.3220; "
            "IoU=0.5, mAP: 0.5496; IoU=0.75, mAP: 0.3101",
        ),
    ):
        called = call(
            capsys, "evaluate", file, "--truth", truth, "--protocol", protocol
        )
        assert called.code == 0 and called.err == ""
        assert said in called.out.splitlines()
