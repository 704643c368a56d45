"""Runs that travel: to a hub and back, without what is private, and by hand."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard

import slta
from slta.datasets.own import OwnConfig
from slta.errors import InputError
from slta.experiments.config import Experiment
from slta.experiments.opening import open_library, open_splits
from slta.features import EXTRACTORS, Kind
from slta.models import build
from slta.models.base import Sizes
from slta.runs.confidence import Confidence
from slta.runs.inference import evaluate
from slta.runs.pulling import SHARED
from slta.runs.pushing import push, without_places
from slta.runs.run import About, Run, load_run
from slta.search import Searcher
from tests.support.commands import call, refused
from tests.support.extractors import Tiles, coloured
from tests.support.hub import Hub, serving_hub
from tests.support.worlds import TINY, tiny

NAME = "someone/tiny"
CODE = """
raise AssertionError("a file was executed")
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the made world, whose runs are the test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    for item in tiny().home.iterdir():
        (folder / item.name).symlink_to(item)
    monkeypatch.setenv("SLTA_HOME", str(folder))
    return folder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving_hub(tmp_path / "cache") as hub:
        yield hub


def saved(folder: Path, experiment: Experiment = TINY) -> Run:
    """A run with random weights, for the features of the experiment."""
    run = Run.create(folder, "tiny", experiment)
    torch.manual_seed(0)
    sizes = Sizes(region=3, frame=3, word=3, sentence=3)
    about = About("tiles", "1", sizes, step=7)
    if experiment.features == TINY.features:
        video = next(iter(open_splits(TINY, ("test",))["test"].videos.values()))
        query = open_splits(TINY, ("test",))["test"].query_features[0]
        sizes = Sizes(
            region=video.regions.shape[-1],
            frame=video.frames.shape[-1],
            word=query.word_vectors.shape[-1],
            sentence=query.sentence.shape[-1],
        )
        about = replace(About.of(open_library(TINY), sizes), step=7)
    run.save(build(experiment.model, sizes), about)
    return run


def of_tiles(folder: Path, **changes: Any) -> Run:
    features = replace(TINY.features, extractor="tiles")
    return saved(folder, replace(TINY, features=features, **changes))


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRACTORS, "tiles", Kind(lambda _: Tiles()))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_goes_to_the_hub_and_answers_the_same_elsewhere(
    hub: Hub, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved(tmp_path / "run")
    run.write("confidence", {"slope": 2.0, "intercept": -0.5})
    before = evaluate(run).to_json()
    assert push(run, NAME, licence="apache-2.0") == f"{hub.address}/{NAME}"
    shutil.rmtree(run.folder)
    pulled = slta.load_run(NAME)
    assert files(pulled.folder) == sorted(SHARED)
    assert pulled.confidence == Confidence(2.0, -0.5)
    assert pulled.folder.parent == home / "runs"
    assert slta.evaluate(NAME).to_json() == before
    # From here on the network is not needed.
    hub.requests.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert load_run(NAME).results["test, ctrl"].to_json() == before
    assert not hub.requests


def test_the_card_says_what_the_run_is(hub: Hub, tmp_path: Path) -> None:
    run = saved(tmp_path / "run")
    result = evaluate(run)
    push(run, NAME, licence="cc-by-4.0")
    commit = hub.repositories[NAME].refs["main"]
    card = hub.repositories[NAME].commits[commit]["README.md"].decode()
    read = ModelCard(card)
    said: Any = read.data
    assert said.license == "cc-by-4.0" and said.library_name == "slta"
    name = "R@1, IoU=0.5"
    values = {each.metric_name: each for each in said.eval_results}
    measured = values[f"{name} (ctrl)"]
    assert measured.metric_value == round(100 * result[name].value, 2)
    assert (measured.dataset_name, measured.dataset_split) == ("shapes", "test")
    text = read.text
    (row,) = re.findall(r"\| slta \|.*", text)
    assert f"| {result[name]} |" in row
    assert "Features: `cells` (version 1), 2 frames a second" in text
    assert f'slta.load_run("{NAME}")' in text


@pytest.mark.usefixtures("tiles")
def test_nothing_of_this_machine_is_pushed(hub: Hub, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    run = of_tiles(secret / "run", dataset=OwnConfig(root=str(secret / "data")))
    config = run.read("config")
    config["from"] = {"run": str(secret / "first"), "sha256": "0"}
    config["experiment"]["features"]["words"] = f"glove:{secret}/glove.6B.txt"
    run.write("config", config)
    run.write("provenance", {"command": f"slta train --root {secret}", "machine": "m"})
    (run.folder / "last.ckpt").write_text("state")
    push(run, NAME)
    repository = hub.repositories[NAME]
    pushed = repository.commits[repository.refs["main"]]
    assert sorted(pushed) == ["README.md", "config.json", "weights.safetensors"]
    for content in pushed.values():
        assert b"secret" not in content and str(tmp_path).encode() not in content
    experiment = json.loads(pushed["config.json"])["experiment"]
    assert experiment["features"]["words"] == "glove:./glove.6B.txt"
    assert load_run(NAME).experiment.dataset == OwnConfig()
    assert load_run(NAME, root=tmp_path).experiment.dataset == OwnConfig(
        root=str(tmp_path)
    )


@pytest.mark.parametrize(
    ("name", "made_by", "expected"),
    [
        ("cells", "cells", "cells"),
        ("imagenet-words:lite0", "imagenet-words:lite0", "imagenet-words:lite0"),
        ("clip:/home/me/small", "clip:small", "clip:./small"),
        ("clip:~/small", "clip:small", "clip:./small"),
        ("clip:mine/small", "clip:small", "clip:./small"),
        ("clip:some/one@0123", "clip:some/one", "clip:some/one@0123"),
        (
            "c3d:/home/me/c3d.pth+detr:some/one",
            "c3d:c3d.pth+detr:some/one",
            "c3d:./c3d.pth+detr:some/one",
        ),
        ("preextracted:/home/me/x", "preextracted-own", "preextracted:./x"),
        ("preextracted:/a/x,regions=9", "", "preextracted:./x,regions=9"),
        ("preextracted", "preextracted-own", "preextracted"),
    ],
)
def test_folders_leave_the_names_of_features(
    name: str, made_by: str, expected: str
) -> None:
    config = {"experiment": {"features": {"extractor": name}}}
    bare = without_places(config, made_by)
    assert bare["experiment"]["features"]["extractor"] == expected


@pytest.mark.slice
@pytest.mark.usefixtures("tiles")
def test_the_commands_push_pull_search_and_evaluate(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = of_tiles(tmp_path / "run")
    film = coloured(tmp_path / "film.mp4")
    pushed = call(capsys, "push", run.folder, NAME, "--private")
    assert pushed.out.strip() == f"{hub.address}/{NAME}"
    assert hub.repositories[NAME].private
    to = tmp_path / "pulled"
    assert call(capsys, "pull", NAME, "--to", to).out.strip() == str(to)
    refused(call(capsys, "pull", NAME, "--to", to), f"--to {to} exists; give a folder")
    search = "search", film, "red then blue", "--json", "--store", tmp_path / "store"
    here = call(capsys, *search, "--checkpoint", run.folder)
    assert json.loads(here.out)["moments"]
    for other in (NAME, to):
        there = call(capsys, *search, "--checkpoint", other)
        assert there.out == here.out
    copy = shutil.copytree(to, tmp_path / "by" / "hand")
    answer = Searcher(checkpoint=copy, store=tmp_path / "store").search(film, "red")
    assert answer.moments


@pytest.mark.usefixtures("tiles")
def test_the_newest_version_is_pulled_only_on_demand(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = of_tiles(tmp_path / "run")
    push(run, NAME)
    first = load_run(NAME).folder
    run.save(build(TINY.model, run.about.sizes), replace(run.about, step=9))
    push(run, NAME)
    assert load_run(NAME).folder == first and load_run(NAME).step == 7
    assert Path(call(capsys, "pull", NAME).out.strip()) != first
    assert load_run(NAME).step == 9
    commit = next(
        c for c in hub.repositories[NAME].commits if c.startswith(first.name[-12:])
    )
    assert load_run(f"{NAME}@{commit}").step == 7


@pytest.mark.usefixtures("tiles")
def test_a_folder_comes_before_a_name(
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    push(of_tiles(tmp_path / "run"), NAME)
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO", "slta")
    pulled = load_run(NAME)
    assert f"of the hub is in {pulled.folder}" in caplog.text
    caplog.clear()
    shutil.copytree(tmp_path / "run", NAME)
    assert load_run(NAME).folder == Path(NAME) and not caplog.text
    hub.requests.clear()
    # Beside other folders, a name that is misspelt is no business of the hub's.
    with pytest.raises(InputError, match="someone/tini is not a run folder"):
        load_run("someone/tini")
    assert not hub.requests


def of_another_program(files: dict[str, bytes]) -> None:
    files["config.json"] = b'{"model_type": "clip"}'


def without_weights(files: dict[str, bytes]) -> None:
    del files["weights.safetensors"]


def edited(**parts: Any) -> Any:
    def change(files: dict[str, bytes]) -> None:
        config = json.loads(files["config.json"])
        for part, values in parts.items():
            config["experiment"][part] |= values
        config["model_from"] = "evil.py:Evil"
        files["config.json"] = json.dumps(config).encode()

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (of_another_program, "is not a run of slta, as its config.json has no exp"),
        (without_weights, "has no run weights in safetensors"),
        (edited(training={"new": 1}), "does not fit this version .*trained it, 0.1.0"),
        (edited(model={"name": "evil.py:Evil"}), "which is not installed; .* --model"),
        (
            edited(model={"name": "evil"}),
            "of evil.py:Evil, which is not inst.* --model",
        ),
        (edited(dataset={"name": "evil.py:Evil"}), "data set .* is not installed"),
        (edited(features={"extractor": "evil"}), "unknown extractor 'evil'"),
        (edited(features={"extractor": "cells"}), "with the features of tiles@1, not"),
    ],
)
@pytest.mark.usefixtures("tiles")
def test_what_does_not_fit_is_refused_and_nothing_is_executed(
    hub: Hub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: Any,
    says: str,
) -> None:
    push(of_tiles(tmp_path / "run"), NAME)
    for content in hub.repositories[NAME].commits.values():
        if content:
            change(content)
    monkeypatch.chdir(tmp_path)
    Path("evil.py").write_text(CODE)
    film = coloured(tmp_path / "film.mp4")
    searched = call(capsys, "search", film, "red", "--checkpoint", NAME)
    refused(searched, says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pull", "no/run"), "there is no folder no/run, and the hub has no no/run"),
        (("pull", "../run"), "'../run' is not a name on the hub; give OWNER/NAME"),
        (("push", "RUN", "run"), "'run' is not a name on the hub; give OWNER/NAME"),
        (("push", "RUN", "a/b@v1"), "'a/b@v1' is not a name on the hub"),
        (("push", "nowhere", NAME), "nowhere is not a run folder"),
    ],
)
@pytest.mark.usefixtures("hub", "tiles")
def test_names_that_cannot_be_are_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    run = of_tiles(tmp_path / "run")
    words = [str(run.folder) if word == "RUN" else word for word in arguments]
    refused(call(capsys, *words), re.escape(says))


@pytest.mark.usefixtures("tiles")
def test_a_push_that_may_not_be_is_refused(
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = of_tiles(tmp_path / "run")
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(InputError, match=r"the hub refused .*HF_TOKEN") as raised:
        push(run, NAME)
    assert "\n" not in str(raised.value)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(InputError, match="without a token; set HF_TOKEN"):
        push(run, NAME)
    run.weights.unlink()
    with pytest.raises(InputError, match="was stopped before its first"):
        push(run, NAME)
    assert NAME not in hub.repositories


@pytest.mark.usefixtures("tiles")
def test_damaged_weights_are_not_pulled(hub: Hub, tmp_path: Path, home: Path) -> None:
    push(of_tiles(tmp_path / "run"), NAME)
    hub.damaged.add("weights.safetensors")
    with pytest.raises(InputError, match=r"weights.safetensors is damaged.*; remove"):
        load_run(NAME)
    assert not os.listdir(home / "runs")


@pytest.mark.usefixtures("tiles")
def test_a_shared_run_is_not_resumed(hub: Hub, tmp_path: Path) -> None:
    push(of_tiles(tmp_path / "run"), NAME)
    with pytest.raises(
        InputError, match="start a new one from its weights with --from"
    ):
        load_run(NAME).check_state()
