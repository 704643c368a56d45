"""What a check of one's own data passes, a training takes; and what it tells, a training
refuses in the same words, before any work."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.datasets import own
from slta.datasets.checking import Report, check
from slta.experiments import DATA, titled
from slta.experiments.data import Recipe
from slta.experiments.opening import resolve_extractor, with_root
from slta.experiments.own import OWN
from slta.training.readiness import Estimate, estimate
from tests.support.commands import call, refused
from tests.support.extractors import coloured
from tests.support.worlds import TINY

LENGTH_S, STEP_S = 20.0, 0.5
Rows = list[dict[str, Any]]


def sound(root: Path) -> Path:
    """A data set that can be trained with: three splits, two videos, their features."""
    (root / "features").mkdir(parents=True)
    for number, (split, count) in enumerate((("train", 4), ("val", 2), ("test", 1))):
        rows: Rows = [
            {
                "query_id": f"{split}{i}",
                "video_id": "ab"[i % 2],
                "query": f"a man opens door {number} {i}",
                "spans": [[2.0 + i, 6.0 + i]],
            }
            for i in range(count)
        ]
        lines(root / f"{split}.jsonl", rows)
    for name in "ab":
        features(root, name)
    return root


def lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def rows_of(root: Path, split: str) -> Rows:
    return [*map(json.loads, (root / f"{split}.jsonl").read_text().splitlines())]


def features(root: Path, name: str, *, count: int = 40, step_s: float = STEP_S) -> None:
    rng = np.random.default_rng(ord(name))
    np.savez(
        root / "features" / f"{name}.npz",
        times_s=np.arange(count) * step_s,
        frames=rng.normal(size=(count, 6)).astype(np.float32),
    )


def change(split: str, row: int | None = 1, **changed: Any) -> Callable[[Path], None]:
    """In one row of a split, or in all."""

    def changing(root: Path) -> None:
        rows = rows_of(root, split)
        for i, each in enumerate(rows):
            if row in (None, i):
                each |= changed
        lines(root / f"{split}.jsonl", rows)

    return changing


def emptied(root: Path) -> None:
    (root / "test.jsonl").write_text("\n")


def without_val(root: Path) -> None:
    (root / "val.jsonl").unlink()


def only_test(root: Path) -> None:
    without_val(root)
    (root / "train.jsonl").unlink()


def said_and(make: Callable[[Path], None]) -> Callable[[Path], None]:
    """Where a line says how long the video is."""

    def both(root: Path) -> None:
        change("train", 1, duration_s=LENGTH_S)(root)
        make(root)

    return both


def milliseconds(root: Path) -> None:
    features(root, "b", step_s=500.0)


def fewer_rows(root: Path) -> None:
    features(root, "b", count=28)


def more_rows(root: Path) -> None:
    features(root, "b", count=60)


def other_rate(root: Path) -> None:
    features(root, "b", step_s=1 / 25)


def other_names(root: Path) -> None:
    np.savez(root / "features" / "b.npz", features=np.zeros((40, 6), np.float32))


def broken(root: Path) -> None:
    file = root / "features" / "b.npz"
    file.write_bytes(file.read_bytes()[:-60])


def without_features(root: Path) -> None:
    for file in (root / "features").iterdir():
        file.unlink()
    (root / "features").rmdir()


def one_film(root: Path) -> None:
    without_features(root)
    (root / "videos").mkdir()
    coloured(root / "videos" / "a.mp4", order="red green blue red green")


def array(root: Path) -> None:
    rows = rows_of(root, "train")
    (root / "train.jsonl").write_text(json.dumps(rows, indent=1))


def shares(root: Path) -> None:
    for split in ("train", "val", "test"):
        change(split, None, spans=[[0.25, 0.5]])(root)


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "an empty split": (
        emptied,
        "test.jsonl has no queries, so the split test is empty",
    ),
    "no val": (
        without_val,
        "val.jsonl is missing, .* best weights .*; write it or val",
    ),
    "only test": (only_test, "train.jsonl is missing, so there is no split train"),
    "val without a truth": (
        change("val", None, spans=[]),
        "val.jsonl has no query with a true span, .*; give spans",
    ),
    "train of unknown truth": (
        change("train", None, spans=None),
        "train.jsonl has no query with a true span",
    ),
    "too long a query": (
        change("train", query="a man runs " * 200),
        r"train.jsonl:2 has an unreadable query: .* 2199 characters",
    ),
    "another script": (
        change("val", query="一个男人打开冰箱"),
        "val.jsonl:2 has an unreadable query: .*一个男人打开冰箱",
    ),
    "digits": (
        change("test", 0, query="12 345"),
        "test.jsonl:1 has an unreadable query",
    ),
    "half a letter": (
        change("train", query="a man \ud83d runs"),
        "train.jsonl:2 gives query as .*, which is not valid Unicode; type",
    ),
    "spans in milliseconds": (
        change("train", spans=[[2000, 6000]]),
        "train.jsonl:2 .* look like milliseconds: divide them by 1000",
    ),
    "spans in frames": (
        change("train", spans=[[50, 150]]),
        "train.jsonl:2 .* at 50-150 s, which ends .* after the video",
    ),
    "spans as shares": (
        shares,
        "train.jsonl has times .* look like fractions of the video",
    ),
    "a reversed span": (change("train", spans=[[6, 2]]), "train.jsonl:2 .* at 6-2 s"),
    "a length in milliseconds": (
        change("train", duration_s=20_000),
        r"train.jsonl:2 says that b lasts 20000 s, but b.npz lasts 20.00 s; .*milli",
    ),
    "times in milliseconds": (milliseconds, "b.npz has a sample every 500 s, .*milli"),
    "times in milliseconds, of a known length": (
        said_and(milliseconds),
        "train.jsonl:2 says that b lasts 20 s, but b.npz lasts 20000.00 s; .*milli",
    ),
    "fewer rows": (
        said_and(fewer_rows),
        "train.jsonl:2 says that b lasts 20 s, but b.npz lasts 14.00 s; .* cut short",
    ),
    "more rows": (
        said_and(more_rows),
        "train.jsonl:2 says that b lasts 20 s, but b.npz lasts 30.00 s; .* unit",
    ),
    "another rate": (
        other_rate,
        r"train.jsonl:\d has .* which ends .* after the video \(2.6 s\)",
    ),
    "other names of arrays": (
        other_names,
        "b.npz has no array times_s and no frames, only features; .* seconds",
    ),
    "a damaged file": (broken, "b.npz is damaged"),
    "no features": (
        without_features,
        "has neither videos nor features; put the videos",
    ),
    "a video without a file": (
        one_film,
        "train.jsonl:2 names the video 'b', which has",
    ),
    "an array": (array, "train.jsonl:1 is a JSON array of objects; write one"),
    "too short moments": (
        change("train", None, spans=[[1.0, 1.5]]),
        "train.jsonl has no query with a matching window; .*lengths-s",
    ),
}


@pytest.mark.slice
@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_wrong_is_told_by_the_check_and_refused_before_any_work(
    kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    make, says = FAULTS[kind]
    root = sound(tmp_path / "own")
    make(root)
    found = call(capsys, "data", "check", "own", "--root", root, "--json")
    assert found.code == 1, found.err
    fault = json.loads(found.out)["faults"][0]
    line = "" if fault["line"] is None else f":{fault['line']}"
    told = f"{fault['file']}{line} {fault['what']}; {fault['remedy']}"
    assert told.startswith(str(root)) and re.search(says, told), told
    places = "--out", tmp_path / "run", "--store", tmp_path / "store"
    refused(call(capsys, "train", "own", "--root", root, *places), re.escape(told))
    assert not (tmp_path / "run").exists(), "no run was begun"
    assert not (tmp_path / "store" / "videos").exists(), "no features were made"


def checked(root: Path) -> Report:
    return check(own.SOURCE, root)


def test_files_that_editors_hide_are_no_splits(tmp_path: Path) -> None:
    root = sound(tmp_path / "own")
    for name in (".train.jsonl.swp", "._train.jsonl", ".#val.jsonl", "~$test.csv"):
        (root / name).write_bytes(b"\0\xff")
    (root / ".ipynb_checkpoints").mkdir()
    (root / ".ipynb_checkpoints" / "train-checkpoint.jsonl").write_text("{")
    (root / "features" / "._a.npz").write_bytes(b"\0")
    report = checked(root)
    assert not report.faults and report.splits.keys() == {"train", "val", "test"}
    assert own.load(root).splits.keys() == {"train", "val", "test"}


def test_too_few_queries_are_warned_of(tmp_path: Path) -> None:
    root = sound(tmp_path / "own")
    rows = rows_of(root, "val")
    said = [str(each) for each in checked(root).warnings]
    assert [
        found.groups()
        for line in said
        if (found := re.search(r"(\w+)\.jsonl has (\d+) quer", line))
    ] == [
        ("test", "1"),
        ("train", "4"),
        ("val", "2"),
    ]
    assert "a model will overfit to them" in said[1] and "by up to 69 points" in said[2]
    many = [rows[0] | {"query_id": f"q{i}", "query": f"man {i}"} for i in range(30)]
    lines(root / "val.jsonl", many)
    assert not [line for line in map(str, checked(root).warnings) if "val" in line]


@pytest.mark.slice
def test_what_passes_is_trained_and_the_check_says_how_long_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = sound(tmp_path / "own")
    training = replace(TINY.training, steps=2, evaluate_every=2, still_steps=1)
    small = replace(OWN, recipes={"slta": Recipe(TINY.model, training)})
    monkeypatch.setitem(DATA, "own", small)
    found = call(capsys, "data", "check", "own", "--root", root)
    assert found.code == 0
    last = found.out.splitlines()[-1]
    assert re.search(
        r"'slta train slta --on own' takes about \d+ s .*, estimated", last
    ), last
    done = call(capsys, "train", "own", "--root", root, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert (tmp_path / "run" / "results.json").exists()


def test_an_estimate_grows_with_what_is_to_be_done(tmp_path: Path) -> None:
    report = checked(sound(tmp_path / "own"))
    usual = resolve_extractor(with_root("own", titled("own"), report.root))
    usual = replace(usual, model=TINY.model)

    def of(steps: int) -> Estimate:
        training = replace(TINY.training, steps=steps, evaluate_every=steps)
        return estimate(replace(usual, training=training), report)

    few, many = of(100), of(10_000)
    assert 10 < many.steps_s / few.steps_s < 1000
    assert 0 < few.steps_s < few.total_s
