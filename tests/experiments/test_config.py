"""What an experiment can vary: every field is explained, and refuses what is wrong."""

import ast
import inspect
import re
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from slta.datasets import DATASETS
from slta.datasets.base import Dataset
from slta.errors import InputError
from slta.experiments import DATA, experiment, titled
from slta.experiments.config import CandidatesConfig, FeaturesConfig, TrainingConfig
from slta.models import MODELS, config_of
from slta.moments import Query
from slta.training import train as training
from tests.support.commands import call, refused

TRIED = [(model, "shapes") for model in MODELS] + [("slta", data) for data in DATA]
PARTS: list[tuple[str, type[Any]]] = [
    ("features", FeaturesConfig),
    ("candidates", CandidatesConfig),
    ("training", TrainingConfig),
    *(("dataset", kind) for kind in DATASETS),
    *(("model", config_of(builder)) for builder in MODELS.values()),
]
"""The configurations that an experiment is made of, with the prefix of their flags."""


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


@pytest.mark.parametrize("kind", dict.fromkeys(kind for _, kind in PARTS))
def test_every_field_is_explained(kind: type[Any]) -> None:
    said = texts(kind)
    assert {field.name for field in fields(kind)} <= said.keys()
    for name, text in said.items():
        assert re.fullmatch(r"[A-Z].{8,}\.", " ".join(text.split())), (name, text)


def texts(kind: type[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if is_dataclass(base):
            found |= explained(base)
    return found


@pytest.mark.parametrize(("model", "data"), TRIED)
def test_every_field_is_an_option_that_the_help_explains(
    capsys: pytest.CaptureFixture[str], model: str, data: str
) -> None:
    called = call(capsys, "train", model, "--on", data, "--help")
    assert called.code == 0 and called.err == ""
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", called.out).split())
    value = experiment(model, data)
    for part, kind in PARTS:
        if type(getattr(value, part)) is not kind:
            continue
        for field in fields(kind):
            flag = f"--{part}.{field.name}".replace("_", "-")
            assert re.search(rf"{flag}[ ,]", said), flag
            assert " ".join(texts(kind)[field.name].split()) in said, flag
    for option in ("--root", "--config", "--from", "--resume", "--out", "--store"):
        assert option in said


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
    ("dataset.train", "0", r"in \[1, 100000\]"),
    ("dataset.val", "0", r"in \[1, 100000\]"),
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
    ("training.match-iou", "1.0", r"in \(0, 1\)"),
    ("training.other-iou", "0.0", r"in \(0, 1\)"),
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
    ("training.seed", "-1", r"in \[0, 4294967296\)"),
    ("training.seed", "4294967296", r"in \[0, 4294967296\)"),
    ("model.attention-size", "0", r"in \[1, 100000\]"),
    ("model.fusion-size", "-3", r"in \[1, 100000\]"),
    ("model.fusion-size", "1000000", r"in \[1, 100000\]"),
    ("model.dropout", "1.0", r"in \[0, 1\)"),
    ("model.offset-weight", "-0.5", "at least 0"),
    ("model.offset-weight", "nan", "at least 0"),
    ("dataset.train", "-1", r"in \[1, 100000\]"),
    ("dataset.length-s", "5.0", r"in \[20, 60\]"),
    ("dataset.width", "64", r"192 to 384"),
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


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shapes_slto", "unknown experiment 'shapes_slto'; did you mean shapes_slta "),
        ("x", "unknown experiment 'x'; give a model and --on DATA"),
        ("role", "name the data set, too: slta train role --on DATA"),
        ("tacos", "name the model, too: slta train MODEL --on tacos"),
    ],
)
def test_an_unknown_experiment_is_told_with_the_nearest(name: str, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        titled(name)


def test_unknown_models_and_data_sets_are_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown model 'qd_dter'; did you mean qd_de"):
        experiment("qd_dter", "shapes")
    with pytest.raises(InputError, match="data set 'charades'; did you mean charades_"):
        experiment("slta", "charades")


@pytest.mark.parametrize(("model", "data"), TRIED)
def test_experiments_are_frozen(model: str, data: str) -> None:
    value: Any = experiment(model, data)
    for part, kind in PARTS:
        if type(getattr(value, part)) is kind and (named := fields(kind)):
            with pytest.raises(FrozenInstanceError):
                setattr(getattr(value, part), named[0].name, None)
    hash(value)


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
    with pytest.raises(InputError, match=r"'val' has no queries; check .*val\.jsonl"):
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
