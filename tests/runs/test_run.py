"""A run on disk: what is kept of it, and how it is refused."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from slta.errors import InputError
from slta.experiments import shapes, titled, titles
from slta.experiments.config import Experiment
from slta.features.library import Library
from slta.features.store import Store
from slta.models import build
from slta.models.base import Model, Sizes
from slta.models.released import ReleasedConfig
from slta.models.slta import SLTAConfig
from slta.runs import run
from slta.runs.run import ABOUT, About, Run
from tests.support.extractors import Colours
from tests.support.worlds import TINY

SIZES = Sizes(region=6, frame=5, word=4)
ABOUT_IT = About("cells", "1", SIZES, step=7)


def made(experiment: Experiment = TINY, seed: int = 0) -> Model:
    torch.manual_seed(seed)
    model = build(experiment.model, SIZES)
    for values in model.buffers():
        values.copy_(torch.rand_like(values) + 0.5)
    return model


def new(folder: Path, experiment: Experiment = TINY) -> Run:
    return Run.create(folder / "run", "tiny", experiment)


def saved(folder: Path) -> Run:
    run = new(folder)
    run.save(made(), ABOUT_IT)
    return run


def same(a: Model, b: Model) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name]) for name in one
    )


def test_what_is_saved_is_loaded_bit_by_bit(tmp_path: Path) -> None:
    run = saved(tmp_path)
    model, about = Run.open(run.folder).load()
    assert same(model, made()) and about == ABOUT_IT
    assert not model.training
    assert not same(made(seed=1), made())


@pytest.mark.parametrize(
    "config",
    [
        SLTAConfig(word_size=8, attention_size=3),
        ReleasedConfig(word_size=8, signed_words=True),
        ReleasedConfig(word_size=8),
    ],
    ids=["slta", "released", "released, without a fault"],
)
def test_a_model_comes_back_as_what_it_was(tmp_path: Path, config: SLTAConfig) -> None:
    experiment = replace(TINY, model=config)
    run = new(tmp_path, experiment)
    run.save(build(config, SIZES), ABOUT_IT)
    model, _ = Run.open(run.folder).load()
    assert type(model) is type(build(config, SIZES)) and model.config == config


def test_every_experiment_survives_on_disk(tmp_path: Path) -> None:
    for name in dict.fromkeys(titles()):
        Run.create(tmp_path / name, name, titled(name))
        run = Run.open(tmp_path / name)
        assert (run.name, run.experiment) == (name, titled(name))


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    run = new(tmp_path)
    before = (run.folder / "config.json").read_bytes()
    with pytest.raises(
        InputError, match=rf"{run.folder} exists; continue it with .*--resume"
    ):
        new(tmp_path, titled("shapes_slta"))
    assert (run.folder / "config.json").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match=r"cannot be made .*; give another --out"):
        Run.create(tmp_path / "file" / "run", "tiny", TINY)
    assert (tmp_path / "file").read_text() == "precious"


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(
            InputError, match=r"is not a run folder, .* name the folder"
        ):
            Run.open(folder)


def config(
    change: Callable[[dict[str, dict[str, object]]], object],
) -> Callable[[Path], None]:
    """Damages the experiment in config.json."""

    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        change(content["experiment"])
        path.write_text(json.dumps(content))

    return damage


CONFIGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "not JSON": (lambda path: path.write_text("steps: 3"), "cannot be read"),
    "cut short": (lambda path: os.truncate(path, 200), "cannot be read"),
    "no object": (lambda path: path.write_text("[]"), "cannot be read .not an object"),
    "too deep": (lambda path: path.write_text("[" * 100_000), "cannot be read .its br"),
    "no experiment": (lambda path: path.write_text("{}"), "does not fit this version"),
    "unknown field": (
        config(lambda e: e["training"].update(depth=3)),
        "unknown field .training.depth.",
    ),
    "unknown part": (config(lambda e: e.update(noise={})), "unknown field .noise."),
    "wrong type": (
        config(lambda e: e["training"].update(steps="many")),
        "does not fit this version .*training.steps",
    ),
    "a number as text": (
        config(lambda e: e["training"].update(steps="12")),
        "fit .*training.steps",
    ),
    "out of range": (
        config(lambda e: e["training"].update(steps=0)),
        "does not fit this version .*training.steps must be at least 1, got 0",
    ),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_damaged_config_is_named(tmp_path: Path, kind: str) -> None:
    run = saved(tmp_path)
    damage, says = CONFIGS[kind]
    damage(run.folder / "config.json")
    with pytest.raises(InputError, match=rf"config\.json .*{says}.*; .*train again"):
        Run.open(run.folder).load()


def test_a_run_that_is_older_than_a_field_has_its_default(tmp_path: Path) -> None:
    run = saved(tmp_path)
    config(lambda e: e["model"].pop("objects"))(run.folder / "config.json")
    assert run.experiment == TINY
    run.load()


def rewritten(
    change: Callable[[dict[str, torch.Tensor]], object], **facts: str
) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        state = safetensors.torch.load_file(path)
        with safetensors.safe_open(path, "pt") as file:
            known = dict(file.metadata())
        change(state)
        path.write_bytes(safetensors.torch.save(state, known | facts))

    return rewrite


def nothing(_: object) -> None:
    pass


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


ABOUT_WRONG = json.dumps({"extractor": "cells", "version": "1", "step": 3})
WEIGHTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "cut short": (lambda path: os.truncate(path, path.stat().st_size - 9), "damaged"),
    "half a header": (lambda path: os.truncate(path, 40), "damaged"),
    "text": (lambda path: path.write_text("no weights at all"), "damaged"),
    "a layer less": (rewritten(lambda state: state.pop("answer.bias")), "damaged"),
    "a layer more": (
        rewritten(lambda state: state.update(more=torch.zeros(2))),
        "damaged or of another model .*more",
    ),
    "other sizes": (
        rewritten(lambda state: state.update({"answer.bias": torch.zeros(4)})),
        "damaged or of another model .*answer.bias",
    ),
    "of nothing": (
        lambda path: path.write_bytes(safetensors.torch.save(made().state_dict())),
        "damaged",
    ),
    "no sizes": (rewritten(nothing, **{ABOUT: ABOUT_WRONG}), "damaged"),
    "no facts": (rewritten(nothing, **{ABOUT: "cells"}), "does not say what it was"),
    "a folder": (folder, "is missing"),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_damaged_weights_are_named(tmp_path: Path, kind: str) -> None:
    run = saved(tmp_path)
    damage, says = WEIGHTS[kind]
    damage(run.weights)
    with pytest.raises(InputError, match=rf"weights\.safetensors .*{says}") as caught:
        run.load()
    message = str(caught.value)
    assert "\n" not in message and ("train again" in message or "continue" in message)


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    run = saved(tmp_path)
    other = replace(TINY, model=replace(shapes.SLTA, fusion_size=9))
    run.save(made(other), ABOUT_IT)
    with pytest.raises(
        InputError, match=r"damaged or of another model .*size mismatch"
    ):
        run.load()


def test_without_weights_it_is_said_how_to_go_on(tmp_path: Path) -> None:
    run = new(tmp_path)
    with pytest.raises(
        InputError, match=f"continue it with 'slta train --resume {run.folder}"
    ):
        run.load()


@pytest.mark.parametrize(
    ("extractor", "version", "fits"),
    [("colours", "1", True), ("colours", "2", False), ("cells", "1", False)],
)
def test_features_of_another_kind_are_refused(
    tmp_path: Path, extractor: str, version: str, fits: bool
) -> None:
    about = About(extractor, version, SIZES, step=0)
    given = Library(Colours(), Store(tmp_path / "store"), 2.0)
    if fits:
        about.check(given, tmp_path / "weights")
        return
    with pytest.raises(
        InputError,
        match=rf"weights .*{extractor}@{version}, not colours@1; leave --extr",
    ):
        about.check(given, tmp_path / "weights")


def test_what_fails_while_it_is_saved_leaves_the_old_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved(tmp_path)
    before = run.weights.read_bytes()
    real = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        real(path, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(
        InputError, match=r"weights\.safetensors cannot be written .No sp"
    ):
        run.save(made(seed=1), ABOUT_IT)
    monkeypatch.undo()
    assert run.weights.read_bytes() == before
    assert {path.name for path in run.folder.iterdir()} == {
        "config.json",
        "weights.safetensors",
    }


SAVE = """
import sys
from pathlib import Path
import os, signal
from slta.files import whole_file
with whole_file(Path(sys.argv[1])) as unfinished:
    unfinished.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_save_leaves_the_old_weights_and_is_swept(tmp_path: Path) -> None:
    run = saved(tmp_path)
    before = run.weights.read_bytes()
    subprocess.run([sys.executable, "-c", SAVE, run.weights], check=False)
    assert len(list(run.folder.glob(".unfinished-*"))) == 1
    assert run.weights.read_bytes() == before
    assert same(run.load()[0], made())
    run.save(made(seed=1), ABOUT_IT)
    assert same(run.load()[0], made(seed=1))
    assert not list(run.folder.glob(".unfinished-*"))


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_who_may_read_the_weights_is_up_to_the_umask(
    tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        run = saved(tmp_path)
    finally:
        os.umask(before)
    for path in run.folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_answers_of_older_weights_do_not_stay(tmp_path: Path) -> None:
    """Else they would be measured as if they were those of the new ones."""
    run = saved(tmp_path)
    run.predictions_file("val").parent.mkdir()
    run.predictions_file("val").write_text("{}")
    run.write("results", {"val, ctrl": {}})
    run.save(made(seed=1), ABOUT_IT)
    assert not run.predictions_file("val").exists()
    assert not (run.folder / "results.json").exists()


def test_a_run_that_cannot_even_begin_leaves_its_name_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run, "write_whole", full)
        with pytest.raises(
            InputError, match=r"config\.json cannot be written \(No space"
        ):
            new(tmp_path)
    assert new(tmp_path).read("config")["name"] == "tiny"


def test_what_is_written_in_a_run_can_be_read(tmp_path: Path) -> None:
    run = new(tmp_path)
    run.write("history", {"evaluations": [{"loss": 0.1}]})
    assert run.read("history") == {"evaluations": [{"loss": 0.1}]}
    with pytest.raises(
        InputError, match=r"results\.json cannot be read .*; remove it, and evaluate"
    ):
        run.read("results")
