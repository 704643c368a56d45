"""What an experiment can vary: every field is explained, and refuses what is wrong."""

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from slta import experiments
from slta.datasets import DATASETS
from slta.datasets.base import Dataset
from slta.errors import InputError
from slta.experiments import EXPERIMENTS, experiment, known
from slta.experiments.config import (
    CandidatesConfig,
    Experiment,
    FeaturesConfig,
    TrainingConfig,
)
from slta.models import MODELS
from slta.moments import Query
from slta.training import train as training
from tests.support.commands import call, refused


def parts(
    kind: type[Any] = Experiment, name: str = ""
) -> Iterator[tuple[str, type[Any]]]:
    """Every dataclass that an experiment is made of, with the prefix of its flags."""
    yield name, kind
    for field, hint in get_type_hints(kind).items():
        for each in get_args(hint) or (hint,):
            if is_dataclass(each) and isinstance(each, type):
                yield from parts(each, f"{name}{field}.")


PARTS = list(parts())


def explained(kind: type[Any]) -> dict[str, str]:
    """The string under each field."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[field.target.id] = str(below.value.value)
    return found


def test_the_parts_are_found() -> None:
    kinds = {kind for _, kind in PARTS}
    assert {CandidatesConfig, FeaturesConfig, TrainingConfig} <= kinds
    assert MODELS.keys() <= {getattr(kind(), "name", "") for kind in kinds}
    assert {*DATASETS} <= kinds


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in dict.fromkeys(kind for _, kind in PARTS)
        if kind is not Experiment
    ],
)
def test_every_field_is_explained(kind: type[Any]) -> None:
    said: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if is_dataclass(base):
            said |= explained(base)
    assert {field.name for field in fields(kind)} == said.keys()
    for name, text in said.items():
        assert re.fullmatch(r"[A-Z].{8,}\.", " ".join(text.split())), (name, text)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_field_is_a_flag_that_the_help_explains(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    called = call(capsys, "train", name, "--help")
    assert called.code == 0 and called.err == ""
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", called.out).split())
    for prefix, kind in PARTS:
        if kind is Experiment or not chosen(EXPERIMENTS[name], prefix, kind):
            continue
        texts: dict[str, str] = {}
        for base in reversed(kind.__mro__):
            if is_dataclass(base):
                texts |= explained(base)
        for field in fields(kind):
            flag = f"--{prefix}(no-)?{field.name}".replace("_", "-")
            assert re.search(rf"{flag}[ ,]", said), flag
            assert " ".join(texts[field.name].split()) in said, flag
    for folder in ("--out", "--store"):
        assert folder in said


def chosen(experiment: Experiment, prefix: str, kind: type[Any]) -> bool:
    """Whether an experiment has a part of this kind there, or could have another."""
    value: Any = experiment
    for name in prefix.rstrip(".").split("."):
        value = getattr(value, name)
    return type(value) is kind


@pytest.mark.parametrize(
    ("flag", "near"),
    [
        ("--training.step", "--training.steps"),
        ("--training.learning-rat", "--training.learning-rate"),
        ("--model.droput", "--model.dropout"),
        ("--candidates.overlapp", "--candidates.overlap"),
        ("--dataset.lengths", "--dataset.length-s|--candidates.lengths-s"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest(
    capsys: pytest.CaptureFixture[str], flag: str, near: str
) -> None:
    called = call(capsys, "train", "shapes_slta", flag, "3")
    refused(called, rf"unknown option {flag}; did you mean ({near})\?; see .*--help")


@pytest.fixture(autouse=True)
def _untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may begin a training: it would make films for an hour."""

    def train(*_: object, **__: object) -> None:
        pytest.fail("what was given is taken for right")

    monkeypatch.setattr(training, "train", train)


WRONG = [
    ("dataset.train", "0", "from 1"),
    ("dataset.val", "0", "from 1"),
    ("features.rate-hz", "0", "above 0"),
    ("candidates.lengths-s", "-2", "above 0"),
    ("candidates.test-lengths-s", "inf", "above 0"),
    ("candidates.overlap", "1.0", r"in \[0, 0.999\]"),
    ("candidates.overlap", "0.9999999999", r"in \[0, 0.999\]"),
    ("candidates.overlap", "-0.1", r"in \[0, 0.999\]"),
    ("candidates.context-s", "nan", "above 0"),
    ("candidates.vote-iou", "0.0", r"in \(0, 1\]"),
    ("candidates.vote-iou", "1.1", r"in \(0, 1\]"),
    ("training.near", "1.5", r"in \[0, 1\]"),
    ("training.match-outside", "0.0", r"in \(0, 1\]"),
    ("training.match-iou", "1.0", "must be below 1"),
    ("training.other-iou", "0.0", "above 0"),
    ("training.other-iou", "0.6", "at most training.match_iou"),
    ("training.steps", "0", "at least 1"),
    ("training.evaluate-every", "-1", "at least 1"),
    ("training.queries", "0", "at least 1"),
    ("training.still-queries", "0", "at least 1"),
    ("training.still-steps", "-1", "at least 0"),
    ("training.weight-decay", "-1.0", "at least 0"),
    ("training.weight-decay", "nan", "at least 0"),
    ("training.weight-decay", "inf", "at least 0"),
    ("training.queries-per-video", "-1", "at least 0"),
    ("training.negatives", "-1", "at least 0, or None"),
    ("training.background", "-1", "at least 0"),
    ("training.learning-rate", "0.0", "above 0"),
    ("training.learning-rate", "nan", "above 0"),
    ("training.warmup", "1.0", r"in \[0, 1\)"),
    ("training.clip-norm", "-1.0", "at least 0"),
    ("training.clip-norm", "nan", "at least 0"),
    ("training.processes", "0", "at least 1"),
    ("training.threads", "-2", "at least 0"),
    ("training.seed", "-1", "at least 0"),
    ("training.seed", "4294967296", "below 4294967296"),
    ("model.attention-size", "0", "at least 1"),
    ("model.fusion-size", "-3", "at least 1"),
    ("model.fusion-size", "1000000", "at most 100000"),
    ("model.dropout", "1.0", r"in \[0, 1\)"),
    ("model.offset-weight", "-0.5", "at least 0"),
    ("model.offset-weight", "nan", "at least 0"),
    ("dataset.train", "-1", "from 1"),
    ("dataset.length-s", "5.0", "give a value from 20 to 60"),
    ("dataset.width", "64", "give a value from"),
]


@pytest.mark.parametrize(
    ("flag", "value", "says"), WRONG, ids=[f"{a} {b}" for a, b, _ in WRONG]
)
def test_a_value_out_of_range_is_named_with_its_flag(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    flag: str,
    value: str,
    says: str,
) -> None:
    out = tmp_path / "run"
    called = call(capsys, "train", "shapes_slta", f"--{flag}", value, "--out", out)
    line = refused(called, re.escape(flag).replace(r"\-", "[-_]"), value, says)
    assert "Error parsing" not in line
    assert not out.exists()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("training.steps", "many"),
        ("training.precision", "8-bit"),
        ("training.negatives", "some"),
        ("candidates.lengths-s", "long"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_flag(
    capsys: pytest.CaptureFixture[str], flag: str, value: str
) -> None:
    line = refused(call(capsys, "train", "shapes_slta", f"--{flag}", value), value)
    assert re.search(flag.replace("-", "[-_]"), line), line


def test_an_unknown_experiment_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match="'shapes_slto'; did you mean 'shapes_slta'"):
        experiment("shapes_slto")
    with pytest.raises(
        InputError, match=r"unknown experiment 'x'; known are shapes_\{slta, "
    ):
        experiment("x")


def test_every_experiment_is_known() -> None:
    said = re.sub(
        r"(\w+)\{([^}]*)\}",
        lambda found: ", ".join(found[1] + name for name in found[2].split(", ")),
        known(),
    )
    assert sorted(said.split(", ")) == sorted(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_are_frozen(name: str) -> None:
    value: Any = experiment(name)
    for prefix, kind in PARTS:
        if kind is not Experiment and not chosen(value, prefix, kind):
            continue
        part: Any = value
        for step in filter(None, prefix.split(".")):
            part = getattr(part, step)
        field = fields(part)[0].name
        with pytest.raises(FrozenInstanceError):
            setattr(part, field, None)
    hash(value)


def test_an_experiments_file_says_what_it_is_and_how_to_run_it() -> None:
    said = {}
    for found in pkgutil.iter_modules(experiments.__path__):
        module = import_module(f"slta.experiments.{found.name}")
        own = vars(module).get("EXPERIMENTS")
        own = own or {found.name: module.EXPERIMENT}
        for name, value in own.items():
            assert value is EXPERIMENTS[name]
            said[name] = module.__doc__ or ""
    assert said.keys() == EXPERIMENTS.keys()
    for name, text in said.items():
        assert re.search(rf"^    slta train {name}\b", text, re.MULTILINE), name


def test_no_lengths_are_named() -> None:
    with pytest.raises(ValueError, match=r"candidates.lengths_s needs at least one"):
        CandidatesConfig(lengths_s=())


def test_test_windows_are_those_of_training_unless_given() -> None:
    same = CandidatesConfig(lengths_s=(2.0,), overlap=0.5)
    other = CandidatesConfig(lengths_s=(2.0,), test_lengths_s=(4.0,), overlap=0.5)
    assert same.windows(6.0).tolist() == [[0, 2], [1, 3], [2, 4], [3, 5], [4, 6]]
    assert other.windows(6.0).tolist() == [[0, 4], [2, 6]]


def test_a_split_without_queries_is_named(tmp_path: Path) -> None:
    query = Query("a", "a", "x", None)
    dataset = Dataset("", {"train": (query,), "val": ()}, tmp_path, tmp_path / "videos")
    assert dataset.queries("train") == (query,)
    with pytest.raises(
        InputError, match=r"'val' has no queries; look into .*val\.jsonl"
    ):
        dataset.queries("val")
    with pytest.raises(InputError, match=r"no split 'test'; .* has train, val"):
        dataset.queries("test")


def test_a_video_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.b.mp4").touch()
    (tmp_path / "c.webm").touch()
    dataset = Dataset("", {}, tmp_path, tmp_path)
    assert dataset.path("c") == tmp_path / "c.webm"
    with pytest.raises(InputError, match="the video 'a' is missing; put it into"):
        dataset.path("a")
