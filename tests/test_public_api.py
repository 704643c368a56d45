"""``slta.train``, ``evaluate``, ``load_run`` and the data sets, as from Python."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import slta
from slta.evaluation import metrics
from slta.evaluation.result import Number
from slta.experiments import titled
from slta.models.ctrl import CTRL
from slta.progress import Progress
from tests.support.annotation_files import WRITERS
from tests.support.commands import call
from tests.support.extractors import coloured
from tests.support.html import HOSTILE, TAGS, Seen
from tests.support.packages import alone
from tests.support.worlds import TINY, shorter, tiny

CONFIG: dict[str, Any] = {
    part: asdict(getattr(TINY, part)) for part in ("dataset", "features", "candidates")
}
SHORT = {"steps": 4, "evaluate_every": 2, "queries": 4, "negatives": 2, "threads": 1}


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)
    alone(monkeypatch)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> slta.Run:
    folder = tmp_path_factory.mktemp("api") / "run"
    config = shorter(4, 2).to_json()
    with pytest.MonkeyPatch.context() as patch:
        tiny().enter(patch)
        return slta.train("slta", on="shapes", config=config, out=str(folder))


def test_everything_public_is_explained_and_typed() -> None:
    for name in slta.__all__:
        value: Any = getattr(slta, name)
        assert value.__doc__ and len(value.__doc__) > 30, name
        if not isinstance(value, type):
            hints = get_type_hints(value)
            assert "return" in hints
    for name in metrics.__all__:
        assert getattr(metrics, name) is not None


def test_search_alone_needs_no_torch(tmp_path: Path) -> None:
    program = """
        import sys, slta
        slta.Searcher, slta.Answer, slta.Span, slta.InputError, slta.Evaluation
        slta.datasets.open, slta.evaluation
        assert not {"torch", "lightning"} & sys.modules.keys()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slice
def test_a_run_is_trained_loaded_and_says_what_came_of_it(run: slta.Run) -> None:
    assert run.experiment == shorter(4, 2) and run.name == "shapes_slta"
    again = slta.load_run(run.folder)
    assert again == run and again.step in (2, 4)
    assert [each["step"] for each in again.history] == [2, 4]
    assert {"test, ctrl", "test_novel, ctrl"} == again.results.keys()
    predictions = again.predictions("test")
    assert len(predictions) == again.results["test, ctrl"].queries
    with pytest.raises(
        slta.InputError, match="has no predictions of 'train'; make them"
    ):
        again.predictions("train")
    html = again._repr_html_()
    assert set(Seen(html).tags) <= TAGS and "R@1, IoU=0.5" in html


@pytest.mark.slice
def test_a_run_is_evaluated_as_by_the_command(
    capsys: pytest.CaptureFixture[str], run: slta.Run
) -> None:
    found = slta.evaluate(run, split="test", protocol="plain")
    said = call(capsys, "evaluate", run.folder, "--protocol", "plain", "--json")
    assert found.to_json() == json.loads(said.out)
    text = call(capsys, "evaluate", run.folder, "--protocol", "plain")
    assert text.out == f"{found}\n"
    number = found["R@1, IoU=0.5"]
    expected = metrics.plain(
        *zip(
            *[
                (each.ranked().spans, each.ranked().preference, each.truth)
                for each in run.predictions("test")
            ],
            strict=True,
        )
    ).mean("R@1, IoU=0.5")
    assert number.value == pytest.approx(expected)
    assert number.low <= number.value <= number.high
    assert next(iter(found.rows)) == "slta" and len(found.rows) > 1
    with pytest.raises(
        slta.InputError, match=r"'R@1, IoU=0.55'; did you mean R@1, IoU"
    ):
        _ = found["R@1, IoU=0.55"]


@pytest.mark.slice
def test_a_file_is_evaluated_with_its_truth(tmp_path: Path, run: slta.Run) -> None:
    path = run.predictions_file("test")
    found = slta.evaluate(path)
    assert found["mIoU"] == slta.evaluate(run)["mIoU"]
    truth = tmp_path / "truth.jsonl"
    rows = [
        {
            "query_id": each.query_id,
            "video_id": each.video_id,
            "query": each.query,
            "spans": each.truth.tolist(),
        }
        for each in run.predictions("test")
    ]
    truth.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert slta.evaluate(path, truth=truth)["mIoU"] == found["mIoU"]
    low = slta.evaluate(path, protocol="2d-tan", nms_iou=0.1)
    assert low.content["nms_iou"] == 0.1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"source": "none"},
            "none does not exist; give the folder of a run, or a prediction file",
        ),
        ({"source": "none", "protocol": "ctlr"}, "'ctlr'; did you mean ctrl"),
        ({"source": ".", "truth": "t.jsonl"}, "t.jsonl is for a prediction file"),
    ],
)
def test_what_cannot_be_evaluated_is_told(values: dict[str, Any], says: str) -> None:
    with pytest.raises(slta.InputError, match=says):
        slta.evaluate(**values)


def test_an_evaluation_in_a_notebook_is_escaped() -> None:
    numbers = {"R@1, IoU=0.5": {"value": 0.5, "interval": [0.25, 0.75]}}
    content = {
        "file": HOSTILE,
        "protocol": "ctrl",
        "queries": 3,
        "videos": 2,
        "answers": {HOSTILE: numbers},
    }
    found = slta.Evaluation(content, (HOSTILE,))
    seen = Seen(found._repr_html_())
    assert set(seen.tags) <= TAGS
    assert "".join(seen.texts).count("<script>alert(1)") == 3
    assert found["R@1, IoU=0.5"] == Number(0.5, 0.25, 0.75)
    assert "50.0 [25.0, 75.0]" in seen.texts


@pytest.mark.slice
def test_a_class_is_trained_and_a_run_is_fine_tuned(tmp_path: Path) -> None:
    told: list[str] = []

    @contextmanager
    def progress(what: str) -> Iterator[Progress]:
        told.append(what)
        yield lambda done, total: None

    model = {"common_size": 8, "hidden_size": 8}
    config = {**CONFIG, "training": SHORT, "model": model}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    run = slta.train(
        CTRL, on="shapes", config=path, out=tmp_path / "run", progress=progress
    )
    assert run.name == "shapes_CTRL" and run.experiment.model.name == "ctrl"
    assert "features of train" in told
    tuned = slta.train(
        "ctrl", on="shapes", config=config, out=tmp_path / "tuned", start=run.folder
    )
    assert tuned.read("config")["from"]["run"] == str(run.folder)
    film = coloured(tmp_path / "film.mp4")
    searcher = slta.Searcher(checkpoint=tuned.folder, store=tmp_path / "store")
    assert searcher.search(film, "a red circle")._repr_html_()


@pytest.mark.parametrize(
    ("words", "values", "says"),
    [
        ((), {}, "give a model and a data set"),
        (("slta",), {}, "name the data set, too"),
        ((CTRL,), {}, "no data set given; add on="),
        (("slto",), {"on": "own"}, "unknown model 'slto'; did you mean slta"),
        (("slta",), {"on": "won"}, "unknown data set 'won'; did you mean own"),
        (("slta",), {"on": "own", "root": "none"}, "none is not a folder"),
        (("slta",), {"on": "shapes", "root": "."}, "is synthetic and has no folder"),
        (
            ("slta",),
            {"on": "own", "config": {"training": {"stps": 3}}},
            "unknown field 'training.stps'; did you mean training.steps",
        ),
    ],
)
def test_what_cannot_be_trained_is_told(
    tmp_path: Path, words: Any, values: Any, says: str
) -> None:
    with pytest.raises(slta.InputError, match=says):
        slta.train(*words, **values, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["charades-sta", "charades_sta"])
def test_a_data_set_is_opened_by_its_name(tmp_path: Path, name: str) -> None:
    WRITERS["charades-sta"](tmp_path)
    dataset = slta.datasets.open(name, tmp_path)
    assert {"train", "val", "test"} <= dataset.splits.keys()
    query = dataset.queries("test")[0]
    assert isinstance(query, slta.Query) and query.truth
    assert query.video_id in dataset.video_ids


def test_shapes_is_made_and_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        slta.InputError, match="unknown data set 'charade'; did you mean"
    ):
        slta.datasets.open("charade", tmp_path)
    with pytest.raises(slta.InputError, match="give the folder of didemo: open"):
        slta.datasets.open("didemo")
    with pytest.raises(slta.InputError, match="none is not a folder"):
        slta.datasets.open("didemo", tmp_path / "none")


def test_a_run_of_another_model_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(slta.InputError, match="is not a run folder"):
        slta.load_run(tmp_path)
    found = slta.Run.create(tmp_path / "run", "x", titled("shapes_slta"))
    with pytest.raises(slta.InputError, match=r"there is no file none.py"):
        slta.load_run(found.folder, model="none.py:Model")
