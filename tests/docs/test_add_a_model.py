"""The model of docs/add-a-model.md is trained and searched with, as a file and shipped."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import slta
from slta import cli
from slta.experiments import DATA, experiment
from slta.models import find
from tests.support.commands import answered, call, refused, run
from tests.support.extractors import coloured
from tests.support.packages import alone, code, installed
from tests.support.worlds import ANY_FLAGS, tiny

ENTRY = "[slta.models]\nproduct = shipped:Product\n"


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)
    alone(monkeypatch)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the file, a film and a run that the command made of the file."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "my_model.py").write_text(code())
    coloured(folder / "film.mp4")
    with pytest.MonkeyPatch.context() as patch:
        tiny().enter(patch)
        alone(patch)
        flags = [*ANY_FLAGS, "--model.size", "8", "--out", str(folder / "run")]
        cli.main(["train", f"{folder}/my_model.py:Product", "--on", "shapes", *flags])
        yield folder


def test_the_model_is_small() -> None:
    assert len(code().splitlines()) <= 80


@pytest.mark.slice
def test_it_is_searched_evaluated_and_trained_on_by_its_file(
    capsys: pytest.CaptureFixture[str], place: Path, tmp_path: Path
) -> None:
    made, named = place / "run", ("--model", f"{place}/my_model.py:Product")
    film = (
        "search",
        place / "film.mp4",
        "a red circle moves left",
        "--checkpoint",
        made,
    )
    says = "has the model 'product' of my_model.py:Product, .* --model FILE.py:CLASS"
    # Until it is named, nothing of the file is run.
    refused(call(capsys, *film), says)
    refused(call(capsys, "evaluate", made), says)
    refused(call(capsys, "train", "--resume", made, "--training.steps", "16"), says)
    answered(call(capsys, *film, *named))
    assert call(capsys, "evaluate", made, *named).out.startswith("test: ")
    longer = shutil.copytree(made, tmp_path / "longer")
    more = ("train", "--resume", longer, "--training.steps", "16", *named)
    assert call(capsys, *more).code == 0
    history = json.loads((longer / "history.json").read_text())["evaluations"]
    assert [each["step"] for each in history] == [4, 8, 12, 16]
    again = ("train", named[1], "--on", "shapes", *ANY_FLAGS, "--model.size", "8")
    tuned = (*again, "--training.steps", "4", "--from", made, "--out", tmp_path / "run")
    assert call(capsys, *tuned).code == 0
    config = ("train", named[1], "--config", made / "config.json")
    assert call(capsys, *config, "--out", tmp_path / "same").code == 0
    assert slta.load_run(tmp_path / "same").experiment.model == (
        slta.load_run(made).experiment.model
    )


@pytest.mark.slice
def test_shipped_it_is_known_by_its_name(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    place: Path,
    tmp_path: Path,
) -> None:
    alone(monkeypatch, installed(tmp_path / "site", "shop", ENTRY, shipped=code()))
    assert "\nproduct " in call(capsys, "list", "models").out
    film = (place / "film.mp4", "a red circle moves left", "--checkpoint")
    answered(call(capsys, "search", *film, place / "run"))
    out = tmp_path / "run"
    args = ("train", "product", "--on", "shapes", *ANY_FLAGS, "--out", out)
    assert call(capsys, *args, "--training.steps", "4").code == 0
    assert json.loads((out / "config.json").read_text())["model_from"] == "shop 1.0"
    answered(call(capsys, "search", *film, out))


@pytest.mark.slice
def test_several_processes_train_it(place: Path, tmp_path: Path) -> None:
    """In a new process, where only the command's line names the file."""
    flags = [*ANY_FLAGS, "--model.size", "8", "--training.processes", "2"]
    short = ["--training.steps", "2", "--training.evaluate-every", "2"]
    name = f"{place}/my_model.py:Product"
    out = ("--out", tmp_path / "run")
    done = run("train", name, "--on", "shapes", *flags, *short, *out)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "weights.safetensors").is_file()


@pytest.mark.parametrize("data", DATA)
def test_on_every_data_set_it_has_the_training_of_its_kind(
    place: Path, data: str
) -> None:
    name = f"{place}/my_model.py:Product"
    found = experiment(name, data)
    assert found.training == DATA[data].training
    assert found.candidates == DATA[data].candidates and found.model.name == "product"
    assert experiment(find(name), data) == found
