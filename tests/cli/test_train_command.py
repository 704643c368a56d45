"""``slta train``: a configuration from a file, weights from a run, and longer runs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from slta.experiments import experiment
from slta.runs.run import Run
from slta.training import fine_tuning
from slta.training import train as training
from slta.training.module import Training
from tests.support.commands import call, refused
from tests.support.worlds import FLAGS, shorter, tiny

SMALL = shorter(4, 2)


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run. Not to be changed."""
    folder = tmp_path_factory.mktemp("done") / "run"
    with pytest.MonkeyPatch.context() as patch:
        tiny().enter(patch)
        training.train("shapes_slta", SMALL, folder)
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The title and the experiment that would have been trained."""
    found: list[tuple[str, Any]] = []

    def train(title: str, wanted: Any, folder: Path, **_: object) -> Run:
        found.append((title, wanted))
        return Run(folder)

    monkeypatch.setattr(training, "train", train)
    return found


def written(folder: Path, content: object) -> Path:
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


WRONG: dict[str, tuple[object, str]] = {
    "no JSON": ("steps: 3", "cannot be read .*; give a JSON file"),
    "cut short": ('{"training": {', "cannot be read"),
    "no object": ([1], "cannot be read .not an object"),
    "a part that is no object": ({"training": 3}, "training must be an object of its"),
    "no part": ({"trainig": {}}, "unknown field 'trainig'; did you mean training\\?"),
    "no field": (
        {"training": {"step": 3}},
        "unknown field 'training.step'; did you mean training.steps",
    ),
    "no field of this model": (
        {"model": {"common_size": 3}},
        "unknown field 'model.common_size'; ",
    ),
    "another kind": (
        {"training": {"steps": "many"}},
        'training.steps is "many": .*int',
    ),
    "out of range": (
        {"training": {"steps": 0}},
        "training.steps must be at least 1, g",
    ),
    "another model": (
        {"model": {"name": "qd_detr"}},
        "it is of the model qd_detr, and slta was asked for; leave",
    ),
    "another data set": (
        {"dataset": {"name": "didemo"}},
        "it is of the data set didemo, and shapes was asked for; leave --on",
    ),
    "a newer version": (
        {"version": "99.0", "experiment": {}},
        "it was written by slta 99.0, and this is .*; update slta",
    ),
    "no version": ({"version": "new", "training": {}}, "it was written by slta new"),
    "no experiment": ({"experiment": [3]}, "its experiment must be an object"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_configuration_that_cannot_be_used_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, asked: list[Any], kind: str
) -> None:
    content, says = WRONG[kind]
    path = written(tmp_path, content)
    called = call(capsys, "train", "slta", "--on", "shapes", "--config", path)
    refused(called, f"--config {path}:? ", says)
    assert not asked


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"training": {"steps": 3}}, "it has no model; give one: slta train MODEL"),
        ({"model": {"name": "slta"}}, "it has no data set; give one with --on DATA"),
        (
            {"model": {"name": "mine"}},
            "it has the model 'mine', which is not installed",
        ),
        ({"model": {"name": "x.py:X"}}, "it has the model 'x.py:X', which is not inst"),
        (
            {"model": {"name": "slta"}, "dataset": {"name": "none"}},
            "it has the data set 'none', which is not installed; install its package",
        ),
    ],
)
def test_a_configuration_that_says_too_little_is_told(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    asked: list[Any],
    content: object,
    says: str,
) -> None:
    # What would be run if a file were trusted.
    (tmp_path / "x.py").write_text("raise SystemExit('run')")
    path = written(tmp_path, content)
    refused(call(capsys, "train", "--config", path), says)
    assert not asked


def test_a_configuration_that_is_not_there_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "none.json"
    refused(call(capsys, "train", "--config", path), f"--config {path} cannot be read")


def test_a_part_goes_over_the_defaults_and_options_over_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, asked: list[Any]
) -> None:
    part = {"training": {"steps": 7, "queries": 3}, "candidates": {"lengths_s": [1, 2]}}
    path = written(tmp_path, part)
    flags = ("--training.queries", "5", "--config", path)
    call(capsys, "train", "qd_detr", "--on", "shapes", *flags)
    title, found = asked[-1]
    usual = experiment("qd_detr", "shapes")
    assert title == "shapes_qd_detr" and found.model == usual.model
    assert (found.training.steps, found.training.queries) == (7, 5)
    assert found.training.learning_rate == usual.training.learning_rate
    assert found.candidates.lengths_s == (1, 2)
    assert found.candidates.overlap == usual.candidates.overlap


def test_a_part_tells_the_data_set_or_the_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, asked: list[Any]
) -> None:
    path = written(tmp_path, {"dataset": {"name": "shapes", "train": 9}})
    call(capsys, "train", "ctrl", "--config", path)
    assert asked[-1][0] == "shapes_ctrl" and asked[-1][1].dataset.train == 9
    path = written(tmp_path, {"model": {"name": "ctrl", "common_size": 9}})
    call(capsys, "train", "--on", "shapes_small", "--config", path)
    title, found = asked[-1]
    assert title == "shapes_small_ctrl" and found.model.common_size == 9
    assert found.training == experiment("ctrl", "shapes_small").training


@pytest.mark.slice
def test_a_runs_own_configuration_makes_the_same_again(
    capsys: pytest.CaptureFixture[str], done: Path, asked: list[Any]
) -> None:
    path = done / "config.json"
    for words in ((), ("slta",), ("shapes_slta",), ("slta", "--on", "shapes")):
        call(capsys, "train", *words, "--config", path)
        assert asked[-1] == ("shapes_slta", SMALL)
    call(capsys, "train", "--config", path, "--training.steps", "9")
    assert asked[-1][1] == shorter(9, 2)


@pytest.mark.slice
def test_fine_tuning_starts_from_the_weights_of_the_run_and_says_so(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[dict[str, torch.Tensor]] = []
    start = Training.on_train_start

    def seen(module: Training) -> None:
        state = module.model.state_dict()
        begun.append({name: value.clone() for name, value in state.items()})
        start(module)

    monkeypatch.setattr(Training, "on_train_start", seen)
    run = training.train("tuned", SMALL, tmp_path / "run", start=done)
    first, _ = Run.open(done).load()
    for name, value in first.state_dict().items():
        torch.testing.assert_close(begun[0][name], value, rtol=0, atol=0)
    origin = run.read("config")["from"]
    assert origin == fine_tuning.described(Run.open(done))
    assert origin["run"] == str(done)
    # Longer, it goes on from its own state, and still says where it began.
    training.resume(run.folder, steps=6)
    assert run.read("config")["from"] == origin and len(begun) == 2
    assert any(
        not torch.equal(value, begun[1][name])
        for name, value in first.state_dict().items()
    )


@pytest.mark.slice
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--features.extractor", "imagenet-words"],
            "trained with the features of cells",
        ),
        (
            ["--model.fusion-size", "8"],
            "has a model of other sizes .*--config .*config",
        ),
    ],
)
def test_a_run_of_another_kind_is_not_fine_tuned(
    capsys: pytest.CaptureFixture[str],
    done: Path,
    tmp_path: Path,
    words: list[str],
    says: str,
) -> None:
    out = tmp_path / "run"
    flags = (*FLAGS, *words, "--from", done, "--out", out)
    refused(call(capsys, "train", "slta", "--on", "shapes", *flags), says)
    assert not out.exists()


@pytest.mark.slice
def test_a_run_of_another_model_or_none_is_not_fine_tuned(
    capsys: pytest.CaptureFixture[str], done: Path, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "run")
    words = ("train", "ctrl", "--on", "shapes", "--from")
    says = f"--from {done} is a run of the model slta, not ctrl; give a run of ctrl"
    refused(call(capsys, *words, done, *out), says)
    none = tmp_path / "none"
    refused(call(capsys, *words, none, *out), f"{none} is not a run folder")
    shutil.copytree(done, none)
    (none / "weights.safetensors").unlink()
    again = ("train", "slta", "--on", "shapes", *FLAGS, "--from", none, *out)
    refused(call(capsys, *again), "weights.safetensors is missing")
    assert not (tmp_path / "run").exists()


@pytest.mark.slice
def test_a_run_that_began_from_another_is_not_resumed_once_that_has_changed(
    capsys: pytest.CaptureFixture[str],
    done: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = shutil.copytree(done, tmp_path / "first")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Training, "on_train_epoch_start", stopped)
        with pytest.raises(KeyboardInterrupt):
            training.train("tuned", SMALL, tmp_path / "run", start=first)
    weights = first / "weights.safetensors"
    other = weights.read_bytes()
    weights.write_bytes(other[:-1] + bytes([other[-1] ^ 1]))
    called = call(capsys, "train", "--resume", tmp_path / "run")
    refused(
        called, f"{weights}, from which this run starts, has changed; start a new run"
    )
    weights.write_bytes(other)
    assert training.resume(tmp_path / "run").is_finished


@pytest.mark.slice
def test_a_longer_run_may_be_interrupted_and_goes_on(
    capsys: pytest.CaptureFixture[str],
    done: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shutil.copytree(done, tmp_path / "run")
    began = Training.on_train_epoch_start

    def stopped(module: Training) -> None:
        if module.current_epoch == 3:
            raise KeyboardInterrupt
        began(module)

    longer = ("train", "--resume", folder, "--training.steps", "8")
    with monkeypatch.context() as patch:
        patch.setattr(Training, "on_train_epoch_start", stopped)
        assert call(capsys, *longer).code == 130
    run = Run.open(folder)
    assert not run.is_finished and [each["step"] for each in run.history] == [2, 4, 6]
    refused(
        call(capsys, *longer[:-1], "7"), "--training.steps is 7, and .* for 8 already"
    )
    # With the same command, as after any interruption.
    assert call(capsys, *longer).code == 0
    assert run.is_finished and [each["step"] for each in run.history] == [2, 4, 6, 8]
    assert run.experiment == shorter(8, 2)
    for steps in ("8", "3"):
        called = call(capsys, *longer[:-1], steps)
        refused(called, f"--training.steps is {steps}, .* is trained for 8 already; gi")


@pytest.mark.slice
def test_a_run_without_its_state_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], done: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(done, tmp_path / "run")
    (folder / "last.ckpt").unlink()
    called = call(capsys, "train", "--resume", folder, "--training.steps", "8")
    refused(called, rf"last.ckpt is missing, .* new one .*--from {folder}")
    assert Run.open(folder).experiment == SMALL and Run.open(folder).is_finished


def test_what_cannot_be_resumed_with_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    refused(call(capsys, "train", "--resume", tmp_path), "is not a run folder")
    called = call(capsys, "train", "--resume", tmp_path, "--training.seed", "3")
    refused(called, "unknown option --training.seed")
