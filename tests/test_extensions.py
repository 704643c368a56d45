"""Models, data sets and extractors of other packages and files: found, or told why not."""

import logging
import sys
import textwrap
from pathlib import Path

import pytest

import slta
from slta.errors import InputError
from slta.experiments import DATA, data, experiment, known_data
from slta.experiments.opening import open_dataset, open_splits
from slta.extensions import from_file, is_file
from slta.features import extractor, kinds
from slta.models import find, known, names
from slta.models.qd_detr import QDDETR
from slta.runs.run import Run
from tests.support.commands import call
from tests.support.extractors import coloured
from tests.support.packages import alone, code, installed

MODEL = """
    from dataclasses import dataclass
    from typing import ClassVar
    from slta.models.base import CandidateModel, Sizes, VideoModel

    @dataclass(frozen=True)
    class OneConfig:
        name: ClassVar[str] = "one"

    class One(CandidateModel):
        def __init__(self, config: OneConfig, sizes: Sizes) -> None:
            super().__init__()

    class Whole(VideoModel):
        def __init__(self, config: OneConfig, sizes: Sizes) -> None:
            super().__init__()

    @dataclass(frozen=True)
    class QDConfig:
        name: ClassVar[str] = "qd_detr"

    class QD(CandidateModel):
        def __init__(self, config: QDConfig, sizes: Sizes) -> None:
            super().__init__()

    class Unnamed:
        pass

    class NoModel:
        def __init__(self, config: OneConfig, sizes: Sizes) -> None:
            pass

    class NoName(CandidateModel):
        def __init__(self, config: int, sizes: Sizes) -> None:
            super().__init__()

    @dataclass(frozen=True)
    class NoDefault:
        size: int
        name: ClassVar[str] = "none"

    class Needy(CandidateModel):
        def __init__(self, config: NoDefault, sizes: Sizes) -> None:
            super().__init__()

    class Unresolved(CandidateModel):
        def __init__(self, config: "Missing", sizes: Sizes) -> None:
            super().__init__()

    def made(config: OneConfig, sizes: Sizes) -> One:
        return One(config, sizes)

    def unsaid(config: OneConfig, sizes: Sizes):
        return One(config, sizes)

    NUMBER = 3
"""
SHOP_DATA = """
    from dataclasses import dataclass, replace
    from pathlib import Path
    from typing import ClassVar
    from slta.datasets import own
    from slta.experiments import own as ours
    from slta.experiments.data import Data, Dataset

    @dataclass(frozen=True)
    class ShopConfig:
        name: ClassVar[str] = "shop-films"
        root: str = "shop"

    def opened(config: ShopConfig) -> Dataset:
        return own.load(Path(config.root))

    FILMS = replace(ours.OWN, dataset=ShopConfig(), protocol="plain", open=opened)
    CLOSED = replace(FILMS, open=None)
    ALIKE = replace(ours.OWN, title="own films, looked at more often")
"""
EXTRACTOR = """
    from tests.support.extractors import Colours
    from slta.features import Kind

    def colours(argument):
        assert argument == "bright"
        return Colours()

    KIND = Kind(colours, "a paper", "eyes")
"""


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch)


def site(
    monkeypatch: pytest.MonkeyPatch, folder: Path, entry_points: str, text: str
) -> Path:
    """A package "shop" with one module, which is called after its folder."""
    name = f"m_{folder.name}".replace("-", "_")
    points = textwrap.dedent(entry_points).replace("shop:", f"{name}:")
    alone(
        monkeypatch, installed(folder, "shop", points, **{name: textwrap.dedent(text)})
    )
    return folder / f"{name}.py"


def test_a_package_offers_a_model_by_the_name_of_its_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site(monkeypatch, tmp_path, "[slta.models]\none = shop:One\n", MODEL)
    assert "one" in names() and known()["one"] is find("one")
    assert find("one").__name__ == "One"
    found = experiment("one", "tacos")
    run = Run.create(tmp_path / "run", "tacos_one", found)
    assert run.experiment == found and run.read("config")["model_from"] == "shop 1.0"


BROKEN = {
    "raises": (
        "raise RuntimeError('no licence')",
        "shop:One",
        "RuntimeError: no licence",
    ),
    "stops": ("raise SystemExit(3)", "shop:One", "SystemExit: 3"),
    "lacks it": ("x = 1", "shop:One", "AttributeError: "),
    "another name": (MODEL, "shop:Whole2", "AttributeError"),
    "no model": (MODEL, "shop:NoModel", "must be a CandidateModel or a VideoModel"),
    "a number": (MODEL, "shop:NUMBER", "is not a model"),
    "another's name": (MODEL, "shop:One", "has the name 'one', which must be the same"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_package_that_cannot_be_used_is_told_in_a_line_and_the_rest_works(
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
) -> None:
    text, value, says = BROKEN[kind]
    points = f"[slta.models]\nbroken = {value}\n"
    site(monkeypatch, tmp_path, points, text)
    with caplog.at_level(logging.WARNING, "slta"):
        listed = call(capsys, "list", "models")
        call(capsys, "list", "models")
    assert listed.code == 0 and "qd_detr" in listed.out and "broken" not in listed.out
    (line,) = caplog.messages
    assert says in line and "\n" not in line
    assert "'broken' of the package shop cannot be used" in line
    assert "update shop, or uninstall it; it is left out" in line
    with pytest.raises(
        InputError, match=r"'broken' of the package shop cannot be used"
    ):
        experiment("broken", "shapes")
    caplog.clear()
    # Who does not ask for it does not hear of it.
    assert experiment("qd_detr", "shapes") and not caplog.messages


def test_no_package_takes_the_place_of_a_model_of_the_program(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site(monkeypatch, tmp_path, "[slta.models]\nqd_detr = shop:QD\n", MODEL)
    assert known()["qd_detr"] is find("qd_detr") is QDDETR
    assert "its name is that of a built-in one" in caplog.text


def test_a_data_set_of_a_package_is_opened_trained_with_and_found_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    points = "[slta.datasets]\nshop_films = shop:FILMS\nalike = shop:ALIKE\n"
    site(monkeypatch, tmp_path, points, SHOP_DATA)
    films = tmp_path / "films"
    (films / "videos").mkdir(parents=True)
    coloured(films / "videos" / "a.mp4")
    line = '{"video_id": "a", "query": "green", "spans": [[2, 4]], "duration_s": 6}\n'
    for split in ("train", "val", "test"):
        (films / f"{split}.jsonl").write_text(line)
    assert {"shop_films", "alike"} <= known_data().keys()
    opened = slta.datasets.open("shop_films", films)
    assert opened.queries("test")[0].query == "green"
    found = experiment("ctrl", "shop-films")
    assert found.dataset.name == "shop-films" and data("shop_films").protocol == "plain"
    run = Run.create(tmp_path / "run", "shop", found)
    moved = Run.open(run.folder, films).experiment
    assert run.experiment == found
    assert open_dataset(moved).splits == opened.splits
    train = open_splits(moved, ("train",), tmp_path / "store")["train"]
    assert len(train.queries) == 1 and "a" in train.videos
    assert experiment("ctrl", "alike").dataset == experiment("ctrl", "own").dataset


@pytest.mark.parametrize("value", ["CLOSED", "ShopConfig", "MISSING"])
def test_a_data_set_that_cannot_be_used_is_told(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    value: str,
) -> None:
    points = f"[slta.datasets]\nfilms = shop:{value}\n"
    site(monkeypatch, tmp_path, points, SHOP_DATA)
    assert "shapes" in known_data() and "films" not in known_data()
    (line,) = caplog.messages
    assert "'films' of the package shop cannot be used" in line
    with pytest.raises(InputError, match=r"'films' of the package shop cannot be used"):
        experiment("slta", "films")


def test_an_extractor_of_a_package_is_made_from_its_argument(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    points = """
        [slta.extractors]
        shop-eyes = shop:colours
        kind = shop:KIND
        number = shop:NUMBER
        none = shop:NONE
    """
    site(monkeypatch, tmp_path, points, EXTRACTOR + "\n    NUMBER = 3\n")
    assert extractor("shop-eyes:bright").id == "colours"
    both = extractor("cells+shop-eyes:bright")
    assert "cells" in both.id and "colours" in both.id
    assert kinds()["kind"].paper == "a paper" and "cells" in kinds()
    assert "number" not in kinds() and len(caplog.messages) == 2
    film = coloured(tmp_path / "film.mp4")
    searcher = slta.Searcher("shop-eyes:bright", store=tmp_path / "store")
    assert searcher.search(film, "green").moments[0].span.start == pytest.approx(
        2, abs=1
    )
    with pytest.raises(InputError, match=r"'none' of the package shop cannot be used"):
        extractor("none")
    with pytest.raises(
        InputError, match="unknown extractor 'shop-eye'; did you mean sh"
    ):
        extractor("shop-eye")


def test_a_file_is_told_from_a_name() -> None:
    files = ("my_file.py:MyModel", "to/my.py", "a:b.py:C", "/x/y.py:")
    assert all(map(is_file, files))
    assert not any(map(is_file, ("slta", "clip:model.pt", "happy", "x.py:Y:Z")))


FILES = {
    "no file": (
        "none.py:One",
        None,
        "there is no file .*none.py; give it as FILE.py:C",
    ),
    "no class": ("a_file.py", MODEL, "has no class; give it as .*a_file.py:CLASS"),
    "nothing": ("a_file.py:", MODEL, "has no class; give it as .*a_file.py:CLASS"),
    "unknown": ("b_file.py:Oen", MODEL, "unknown class 'Oen'; did you mean One"),
    "raises": ("c_file.py:One", "1 / 0", "c_file.py cannot be imported .ZeroDivision"),
    "stops": (
        "d_file.py:One",
        "raise SystemExit",
        "d_file.py cannot be imported .Syst",
    ),
    "wrong": ("e_file.py:One", "def", "e_file.py cannot be imported .SyntaxError"),
    "hyphen": ("my-file.py:One", MODEL, "'my-file' is not a Python name"),
    "Python's": ("math.py:One", MODEL, "has the name of the module math of .*; rename"),
    "ours": ("slta.py:One", MODEL, "has the name of the module slta of .*; rename"),
    "no model": ("f_file.py:Unnamed", MODEL, "Unnamed is not a model"),
    "another class": (
        "f_file.py:NoModel",
        MODEL,
        "must be a CandidateModel or a Video",
    ),
    "no name": ("f_file.py:NoName", MODEL, "must be a dataclass with a name"),
    "no default": (
        "f_file.py:Needy",
        MODEL,
        "Needy is not a model .*size.*; see docs/add",
    ),
    "unresolved": ("f_file.py:Unresolved", MODEL, "is not a model .*Missing"),
    "unsaid": ("f_file.py:unsaid", MODEL, "unsaid is not a model .*return"),
    "number": ("f_file.py:NUMBER", MODEL, "NUMBER is not a model"),
    "ours again": (
        "f_file.py:QD",
        MODEL,
        "has the name of a built-in model, 'qd",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_used_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    name, text, says = FILES[kind]
    path = tmp_path / name.partition(":")[0]
    if path.stem.endswith("_file"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    if text is not None:
        path.write_text(textwrap.dedent(text))
    with pytest.raises(InputError, match=says) as told:
        experiment(f"{tmp_path}/{name}", "shapes")
    assert "\n" not in str(told.value)


def test_a_function_may_make_a_model_and_a_class_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "g_file.py").write_text(textwrap.dedent(MODEL))
    found = experiment(f"{tmp_path}/g_file.py:made", "tacos")
    one = from_file(f"{tmp_path}/g_file.py:One")
    assert experiment(one, "tacos") == found == experiment("one", "tacos")
    assert experiment(QDDETR, "tacos").model == experiment("qd_detr", "tacos").model


def test_a_model_of_whole_videos_has_the_training_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "j_file.py").write_text(textwrap.dedent(MODEL))
    for on, offer in DATA.items():
        found = experiment(f"{tmp_path}/j_file.py:Whole", on)
        assert found.training == offer.video_training


def test_two_files_do_not_share_a_name(tmp_path: Path) -> None:
    for name in ("h_file", "i_file"):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(MODEL))
    experiment(f"{tmp_path}/h_file.py:One", "tacos")
    with pytest.raises(InputError, match=r"has the name 'one', as One of h_file has"):
        experiment(f"{tmp_path}/i_file.py:One", "tacos")


def test_a_file_is_never_run_because_a_configuration_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "my_model.py").write_text(
        f"import os\nos.mkdir({str(ran)!r})\n{code()}"
    )
    run = Run.create(tmp_path / "run", "x", experiment("slta", "tacos"))
    config = run.read("config")
    for name in ("my_model.py:Product", f"{tmp_path}/my_model.py:Product", "product"):
        config["experiment"]["model"] = {"name": name}
        config["model_from"] = f"{tmp_path}/my_model.py:Product"
        run.write("config", config)
        with pytest.raises(
            InputError, match=r"which is not installed; install its pac"
        ):
            _ = run.experiment
        with pytest.raises(
            InputError, match=r"which is not installed; install its pac"
        ):
            slta.evaluate(run)
    assert not ran.exists()
    named = slta.load_run(run.folder, model=f"{tmp_path}/my_model.py:Product")
    assert named.experiment.model.name == "product" and ran.exists()
