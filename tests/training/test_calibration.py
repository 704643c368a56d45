"""Trained on queries with and without a moment, a model says how sure it is of one."""

import json
from pathlib import Path

import numpy as np
import pytest

from slta.evaluation.predictions import read
from slta.experiments.opening import open_splits
from slta.models.base import logistic
from slta.runs.inference import evaluated, predict, scores
from slta.runs.run import Run
from slta.search import Searcher
from slta.training.calibration import with_absent
from tests.support.existence_models import (
    CTRL,
    TELLER,
    WORDS,
    know,
    planted,
    trained,
    with_runs,
)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch)


@pytest.fixture(scope="module")
def folder() -> Path:
    return with_runs()


def opened(folder: Path, name: str) -> Run:
    return Run.open(folder / name, folder / "own")


def error(confidence: np.ndarray, there: np.ndarray) -> float:
    """Expected calibration error with ten bins."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    return sum(
        (bins == i).mean() * abs(confidence[bins == i].mean() - there[bins == i].mean())
        for i in {*bins.tolist()}
    )


@pytest.mark.slice
@pytest.mark.parametrize("name", ["teller", "ctrl"])
def test_confidence_is_right_on_test_as_often_as_it_says(
    folder: Path, name: str
) -> None:
    run = opened(folder, name)
    test = open_splits(run.experiment, ("test",), folder / "store")["test"]
    model, _ = run.load()
    scored = dict(scores(model, test, run.experiment))
    evidence = np.array([scored[i].evidence for i in range(len(scored))])
    there = np.array([bool(query.truth) for query in test.queries])
    assert run.confidence is not None
    before, after = logistic(evidence), run.confidence(evidence)
    assert error(after, there) < 0.1 < 0.2 < error(before, there)
    brier = [float(np.mean((each - there) ** 2)) for each in (before, after)]
    assert brier[1] < brier[0] - 0.04
    written = [each.existence for each in read(run.predictions_file("test"))]
    assert written == pytest.approx(after.tolist())
    assert (scored[0].existence is not None) == (name == "teller")


@pytest.mark.slice
@pytest.mark.parametrize("name", ["teller", "ctrl"])
def test_a_run_tells_which_queries_have_no_moment(folder: Path, name: str) -> None:
    run = opened(folder, name)
    found = evaluated(run, "test", "gmr", folder / "store")["answers"][name]
    assert all(found[each]["interval"][0] > 0.6 for each in ("AUROC", "Rej-F1@0.6"))
    lines = (folder / "own" / "val.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    kept = json.loads((folder / name / "confidence.json").read_text())
    assert kept["queries"] == len(rows) and not kept["drawn"]
    assert kept["without_moment"] == sum(not row["spans"] for row in rows) == 80


@pytest.mark.slice
@pytest.mark.parametrize("name", ["teller", "ctrl"])
def test_search_is_as_sure_as_evaluation(folder: Path, name: str) -> None:
    run = opened(folder, name)
    predictions = read(run.predictions_file("test"))
    searcher = Searcher(checkpoint=folder / name, store=folder / "store")
    clear = []
    for each in predictions[:12]:
        found = searcher.search(each.video_id, each.query, top=3)
        assert found.confidence == pytest.approx(each.existence, abs=1e-5)
        assert found.moments[0].score == pytest.approx(found.confidence)
        by_score = [moment.score for moment in found.moments]
        assert by_score == sorted(by_score, reverse=True)
        assert found.relevance.max() <= found.confidence + 1e-6
        assert found.is_clear == (found.confidence >= 0.5)
        clear.append(found.is_clear)
    assert any(clear) and not all(clear)


def test_val_without_absent_queries_is_asked_those_of_other_videos(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planted(tmp_path / "own", {"train": 12, "val": 8}, absent=())
    with caplog.at_level("INFO", "slta"):
        run = trained(tmp_path, TELLER, "run", steps=4, evaluate_every=4)
    assert [line for line in caplog.messages if "every query of train" in line] == [
        "every query of train has a moment, so teller does not learn to tell which have "
        'none; add queries with "spans": [], or give --training.absent 0.3'
    ]
    kept = json.loads((tmp_path / "run" / "confidence.json").read_text())
    assert kept["drawn"] and kept["queries"] == 2 * kept["without_moment"] == 32
    val = open_splits(run.experiment, ("val",), tmp_path / "store")["val"]
    more = with_absent(val)
    assert more.queries[:16] == val.queries
    said = {
        name: {val.queries[i].query for i in own} for name, own in val.by_video.items()
    }
    for query, features in zip(more.queries, more.query_features, strict=True):
        assert (query.query in said[query.video_id]) == bool(query.truth)
        assert features.query == query.query and query.query in WORDS
    assert with_absent(val).queries == more.queries


def test_where_val_cannot_tell_there_is_no_confidence_and_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planted(tmp_path / "own", {"train": 12, "val": 1}, absent=())
    with caplog.at_level("INFO", "slta"):
        run = trained(tmp_path, CTRL, "run", steps=4, evaluate_every=4)
    assert any(
        m.startswith("confidence is not calibrated, as val has no")
        for m in caplog.messages
    )
    assert run.confidence is None
    val = open_splits(run.experiment, ("val",), tmp_path / "store")["val"]
    model, about = run.load()
    assert predict(model, val, run.experiment)[0].existence is None
    # As in runs of earlier versions.
    (best,) = predict(model, val, run.experiment)[0].moments(top=1)
    found = Searcher(checkpoint=run.folder, store=tmp_path / "store").search(
        "val_0", val.queries[0].query
    )
    assert found.confidence == pytest.approx(float(model.confidence(best.score)))
    run.write("confidence", {"slope": 1.0, "intercept": 0.0})
    run.save(model, about)
    assert run.confidence is None


def test_queries_that_val_does_not_measure_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    planted(tmp_path / "own", {"train": 12, "val": 8})
    with caplog.at_level("INFO", "slta"):
        run = trained(tmp_path, CTRL, "run", steps=2, evaluate_every=2)
    told = (
        "16 of 32 queries of val have no moment; R@1, IoU=0.5, which selects the best"
    )
    assert any(message.startswith(told) for message in caplog.messages)
    assert run.history[0]["queries"] == 16
