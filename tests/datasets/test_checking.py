"""``slta data``: what is wrong is told, all of it, and nothing that a file says is run."""

import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.cli.data import lines
from slta.datasets import SOURCES, own
from slta.datasets.checking import Report, check
from slta.datasets.own import convert, record
from slta.datasets.statistics import statistics
from slta.errors import InputError
from slta.moments import Query, Span
from slta.plots.charts import draw_statistics
from tests.support.annotation_files import WRITERS, opened
from tests.support.commands import Called, call, refused
from tests.support.extractors import coloured
from tests.support.own_data import ROW, write_files

Arrays = dict[str, np.ndarray]


def arrays(rows: int = 8, size: int = 4) -> Arrays:
    rng = np.random.default_rng(rows)
    return {
        "times_s": np.arange(rows, dtype=np.float32) / 2,
        "frames": rng.normal(size=(rows, size)).astype(np.float16),
        "regions": rng.normal(size=(rows, 3, 5)).astype(np.float16),
        "boxes": np.tile(np.array([0, 0, 1, 1], np.float32), (rows, 3, 1)),
        "region_mask": np.ones((rows, 3), bool),
    }


def folder(root: Path, features: Mapping[str, Arrays], **more: Any) -> Path:
    rows = [ROW | {"video_id": name, "spans": [[0, 2]]} | more for name in "abc"]
    val = [ROW | {"spans": [[0, 2]]}]
    write_files(root, {"train.jsonl": rows, "val.jsonl": val})
    (root / "features").mkdir(exist_ok=True)
    for name, made in features.items():
        np.savez(root / "features" / f"{name}.npz", **made)  # type: ignore[arg-type]
    return root


def said(report: Report) -> list[str]:
    return [str(fault) for fault in report.faults]


def test_features_that_are_right_are_told_with_their_shapes(tmp_path: Path) -> None:
    done: list[tuple[float, float]] = []
    root = folder(tmp_path / "d", {name: arrays(8 + i) for i, name in enumerate("abc")})
    report = check(own.SOURCE, root, lambda *each: done.append(each))
    assert said(report) == []
    (found,) = report.features
    assert (found.layout, found.videos, found.missing) == ("own", 3, [])
    assert found.shapes == {
        "times_s": "float32 (t)",
        "frames": "float16 (t, 4)",
        "regions": "float16 (t, 3, 5)",
        "boxes": "float32 (t, 3, 4)",
        "region_mask": "bool (t, 3)",
    }
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_queries_without_a_moment_are_counted_and_no_fault(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", dict.fromkeys("abc", arrays()))
    absent = [ROW | {"query": word, "spans": []} for word in ("a cat", "a dog")]
    unknown = ROW | {"query": "a horse", "spans": None}
    rows = [ROW | {"spans": [[0, 2]]}, *absent, unknown]
    write_files(root, {"train.jsonl": rows})
    report = check(own.SOURCE, root)
    assert said(report) == [] and report.absent == {"train": 2}
    assert "train: 4 queries of 1 videos; 2 have no moment" in lines(report)
    splits = report.to_json()["splits"]
    assert splits["train"] == {"videos": 1, "queries": 4, "without_moment": 2}
    assert splits["val"] == {"videos": 1, "queries": 1}


def test_features_need_only_times_and_frames(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", dict.fromkeys("abc", few(arrays())))
    assert said(check(own.SOURCE, root)) == []


def test_regions_that_one_video_alone_has_are_told(tmp_path: Path) -> None:
    made = {"a": few(arrays()), "b": arrays(), "c": few(arrays())}
    (fault,) = said(check(own.SOURCE, folder(tmp_path / "d", made)))
    assert "b.npz has regions, most videos have none; make all features" in fault


def few(given: Arrays) -> Arrays:
    """What no features can do without."""
    return {name: given[name] for name in ("times_s", "frames")}


def without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda given: {key: each for key, each in given.items() if key != name}


def put(name: str, change: Callable[[np.ndarray], Any]) -> Callable[[Arrays], Arrays]:
    return lambda given: given | {name: change(given[name])}


def nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[2] = np.nan
    return array


WRONG: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "no frames": (
        without("frames"),
        r"has no array frames, only times_s, regions, .* with frames, a vector for each",
    ),
    "other names": (
        lambda given: {"features": given["frames"]},
        r"has no array times_s and no frames, only features; make it again with times_s",
    ),
    "NaN": (put("frames", nan), "NaN or infinity in frames, first in row 2"),
    "NaN in regions": (put("regions", nan), "NaN or infinity in regions"),
    "no regions": (few, "has no regions, most videos have some; make all features"),
    "another size": (
        put("frames", lambda x: x[:, :3]),
        "has frames of size 3, others have 4; make all features with the same",
    ),
    "fewer rows": (
        put("frames", lambda x: x[:5]),
        r"arrays of different lengths \(times_s 8, frames 5",
    ),
    "no rows": (lambda given: {k: v[:0] for k, v in given.items()}, "has no samples"),
    "whole numbers": (
        put("frames", lambda x: x.astype(np.int64)),
        r"has frames of int64 \(8, 4\); give it 2 axes of float16 or float32",
    ),
    "one axis more": (put("frames", lambda x: x[None]), "2 axes of"),
    "times that fall": (
        put("times_s", lambda x: x[::-1]),
        r"times_s that do not ascend at row 1 \(3 s\); sort the samples",
    ),
    "a time twice": (put("times_s", lambda x: np.floor(x)), "do not ascend at row 1"),
    "times before 0": (put("times_s", lambda x: x - 1), "times_s from -1 s on"),
    "NaN in times": (put("times_s", nan), "NaN or infinity in times_s"),
    "boxes in pixels": (put("boxes", lambda x: x * 640), "boxes from 0 to 640; give"),
    "boxes of five": (
        put("boxes", lambda x: np.concatenate([x, x[..., :1]], 2)),
        "boxes of 5 numbers; give x0, y0, x1, y1",
    ),
    "a box too few": (put("boxes", lambda x: x[:, :2]), "boxes of 2 regions, and 3"),
    "a mask of numbers": (
        put("region_mask", lambda x: x.astype(np.float32)),
        "2 axes of True and False",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_with_features_is_told(tmp_path: Path, kind: str) -> None:
    change, says = WRONG[kind]
    made = {"a": arrays(), "b": change(arrays()), "c": arrays()}
    report = check(own.SOURCE, folder(tmp_path / "d", made))
    (fault,) = said(report)
    assert fault.startswith(str(tmp_path / "d" / "features" / "b.npz "))
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(fault)


class Runs:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_an_array_of_objects_is_never_read(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    evil = arrays() | {"frames": np.array([Runs(ran)], dtype=object)}
    root = folder(tmp_path / "d", {"a": arrays(), "c": arrays()})
    np.savez(root / "features" / "b.npz", **evil)  # type: ignore[arg-type]
    (fault,) = said(check(own.SOURCE, root))
    assert "b.npz holds an array of Python objects, which could run code" in fault
    assert not ran.exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(bytes(data))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def plain(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"frames": 1}))


def foreign(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("times_s.npy", "frames.npy"):
            archive.writestr(name, "no array")


@pytest.mark.parametrize("damage", [cut, flipped, emptied, plain, pickled, foreign])
def test_a_damaged_file_is_told(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    root = folder(tmp_path / "d", dict.fromkeys("abc", arrays()))
    damage(root / "features" / "b.npz")
    (fault,) = said(check(own.SOURCE, root))
    assert "b.npz " in fault and "; " in fault


def test_missing_features_are_told_by_name(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", {"a": arrays(), "other": arrays()})
    report = check(own.SOURCE, root)
    assert report.features[0].missing == ["b", "c"]
    first, second = said(report)
    assert first.endswith(
        "train.jsonl:2 names the video 'b', which has no features; put them into "
        f"{root / 'features' / 'b.npz'}, or correct its id"
    )
    assert "train.jsonl:3 names the video 'c'" in second
    told = [line for line in lines(report) if "'c'" in line or line.endswith(" c")]
    assert len(told) == 1, told


def test_milliseconds_are_seen_by_the_features(tmp_path: Path) -> None:
    made = dict.fromkeys("abc", arrays())
    root = folder(tmp_path / "d", made, spans=[[500, 2000]])
    faults = said(check(own.SOURCE, root))
    assert len(faults) == 3
    assert all("look like milliseconds: divide" in each for each in faults)
    (root / "train.jsonl").unlink()
    again = folder(tmp_path / "d", made, duration_s=4000)
    assert all(
        f"lasts 4000 s, but {name}.npz lasts 4.00 s; that looks like milli" in fault
        for name, fault in zip("abc", said(check(own.SOURCE, again)), strict=True)
    )


def test_spans_at_the_end_of_the_features_are_no_fault(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", dict.fromkeys("abc", arrays()), spans=[[1, 4.4]])
    assert said(check(own.SOURCE, root)) == []


@pytest.mark.slice
def test_films_are_looked_at(tmp_path: Path) -> None:
    rows = [
        ROW | {"video_id": name, "spans": [[0, 2]]} for name in ("a", "b", "c", "d")
    ]
    rows.append(ROW | {"video_id": "a", "query": "late", "spans": [[3000, 5000]]})
    val = [ROW | {"spans": [[0, 2]]}]
    root = write_files(tmp_path / "d", {"train.jsonl": rows, "val.jsonl": val})
    (root / "videos").mkdir()
    coloured(root / "videos" / "a.mp4")
    coloured(root / "videos" / "b.mkv", order="red")
    (root / "videos" / "b.mp4").write_bytes((root / "videos" / "a.mp4").read_bytes())
    (root / "videos" / "c.mp4").write_text("no film")
    report = check(own.SOURCE, root)
    assert report.films == 3 and report.missing_films == ["d"]
    late, twice, broken, missing = said(report)
    assert "train.jsonl:5 " in late and "look like milliseconds" in late
    assert "is one of 2 files of the video 'b': b.mkv and b.mp4; keep one" in twice
    assert "c.mp4 " in broken
    assert missing.endswith(
        "train.jsonl:4 names the video 'd', which has no file; put it into "
        f"{root / 'videos'}, or correct its id"
    )
    (root / "features").mkdir()
    np.savez(root / "features" / "a.npz", **arrays())  # type: ignore[arg-type]
    report = check(own.SOURCE, root)
    assert said(report)[-1] == missing, "where films lie, they are trained with"
    told = lines(report)
    assert "  without features: b" in told and "  without features: d" not in told
    assert "a.npz has 4.00 s of a.mp4, which lasts 6.00 s" in "".join(told)


def test_all_faults_are_told_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = {"a": arrays(), "b": put("frames", nan)(arrays()), "c": arrays()}
    root = folder(tmp_path / "d", made)
    with (root / "train.jsonl").open("a") as file:
        file.write('{\n{"video_id": "a", "query": "x", "spans": [[3, 1]]}\n')
    called = call(capsys, "data", "check", "own", "--root", root)
    assert called.code == 1 and called.err == ""
    wrong = [line for line in called.out.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 3 and called.out.splitlines()[-1] == "3 faults"
    assert "features (own): 3 of 3: times_s float32 (t), frames float16" in called.out
    found = json.loads(
        call(capsys, "data", "check", "own", "--root", root, "--json").out
    )
    assert not found["ok"] and len(found["faults"]) == 3
    assert [each["line"] for each in found["faults"]] == [4, 5, None]


def checked(capsys: pytest.CaptureFixture[str], root: Path, *more: str) -> Called:
    return call(capsys, "data", "check", "charades-sta", "--root", root, *more)


def test_an_entry_that_shares_its_line_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    WRITERS["didemo"](tmp_path)
    file = tmp_path / "val_data.json"
    (row,) = json.loads(file.read_text())
    rows = [row, row | {"description": "the dog leaves"}]
    for indent, first, line, entry in (
        (None, "entry 1", None, "2"),
        (0, "line 32", 65, None),
    ):
        file.write_text(json.dumps(rows, indent=indent))
        words = ("data", "check", "didemo", "--root", tmp_path, "--json")
        faults = json.loads(call(capsys, *words).out)["faults"]
        what = f"gives the query id '101' again, after {first}"
        (fault,) = [each for each in faults if each["what"] == what]
        assert (fault["line"], fault["entry"]) == (line, entry)
        if line is not None:
            assert file.read_text().splitlines()[line - 1].startswith('"video": ')


def test_counts_are_held_against_the_published_ones(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    WRITERS["charades-sta"](tmp_path)
    (tmp_path / "Charades_v1_test.csv").unlink()
    called = checked(capsys, tmp_path)
    assert called.code == 1
    assert "train: 3 queries of 3 videos, NOT as published" in called.out
    assert (
        "charades_sta_train.txt has 3 queries of 3 videos, not 12408 queries of 5338 "
        "videos; correct its faults, or get the file again" in called.out
    )
    assert "Charades_v1_test.csv is missing; get it from" in called.out
    assert "odd, as known: span beyond the video, 1 times" in called.out
    assert "charades_sta_train.txt:3" not in called.out
    assert "charades_sta_train.txt:3" in checked(capsys, tmp_path, "--oddities").out


def test_the_pairs_of_a_release_are_counted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    WRITERS["slta-tacos"](tmp_path)
    words = ("data", "check", "slta-tacos", "--root", tmp_path)
    called = call(capsys, *words)
    assert "train: 2 queries of 1 videos; 2 training pairs, NOT as" in called.out
    assert "not 10146 queries of 75 videos; 12371 training pairs; correct" in called.out
    assert "val: 1 queries of 1 videos, NOT as published" in called.out
    found = json.loads(call(capsys, *words, "--json").out)["splits"]
    assert found["train"] == {"videos": 1, "queries": 2, "pairs": 2}
    assert found["val"] == {"videos": 1, "queries": 1}


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("check", "interrupted; run the same command again"),
        ("convert", "interrupted; what was finished is kept"),
    ],
)
def test_only_a_conversion_keeps_something_when_it_is_stopped(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    says: str,
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    name = {"check": "checking.check", "convert": "own.convert"}[command]
    monkeypatch.setattr(f"slta.datasets.{name}", stop)
    WRITERS["didemo"](tmp_path)
    words = ["data", command, "didemo", "--root", tmp_path]
    more = ["--to", tmp_path / "to"] if command == "convert" else []
    called = call(capsys, *words, *more)
    assert (called.code, called.err) == (130, f"slta: {says}\n")


def test_an_empty_split_is_not_as_published(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    WRITERS["charades-sta"](tmp_path)
    (tmp_path / "charades_sta_test.txt").write_text("")
    assert "charades_sta_test.txt has 0 queries of 0" in checked(capsys, tmp_path).out


def test_what_is_only_odd_is_no_fault(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    WRITERS["tacos-tall"](tmp_path)
    file = next(tmp_path.glob("tacos_train*.txt"))
    first = file.read_text().splitlines()[0]
    file.write_text(f"{first}\n{first}\n{first.partition(':')[0]}:1.#\n")
    report = check(SOURCES["tacos-tall"], tmp_path)
    assert not report.refusals and report.faults, "counts are not as published"
    said = lines(report)
    assert "neither features nor videos beside the annotations" in said
    for kind, times in (("query annotated twice", 4), ("query that cannot be read", 1)):
        assert f"odd, as known: {kind}, {times} times (docs/data-sets.md)" in said
    kept = SOURCES["tacos-tall"].open(tmp_path).splits["train"]
    assert kept == tuple(report.splits["train"])
    assert len(kept) == report.counts["train"].queries - 1


def test_a_folder_without_splits_has_a_fault(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    called = call(capsys, "data", "check", "own", "--root", tmp_path)
    assert called.code == 1 and "train.jsonl is missing" in called.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("check", "charades", "--root", "."),
            "'charades'; did you mean 'charades-sta'",
        ),
        (("check", "own", "--root", "nowhere"), "nowhere is not a folder"),
        (("check", "own"), "--root DIR"),
        (("chek", "own", "--root", "."), "unknown command 'chek'; did you mean check"),
        ((), "it is one of"),
        (("stats", "own", "--root", ".", "--plot", "a.gif"), r"a\.gif cannot be drawn"),
        (
            ("stats", "own", "--root", ".", "--plot", f"{'a' * 256}.png"),
            "cannot be written: .* 255 bytes",
        ),
        (("convert", "didemo", "--root", ".", "--to", "x"), "has no split of didemo"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(call(capsys, "data", *words), says)


def test_the_list_has_every_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    called = call(capsys, "data", "list")
    for name, each in SOURCES.items():
        assert f"{name}: {each.title}" in called.out
        for what in (each.files, each.get, each.licence, each.layout, each.videos):
            assert what in called.out
    rows = json.loads(call(capsys, "data", "list", "--json").out)
    assert rows.keys() == SOURCES.keys()
    assert rows["charades-sta"]["splits"]["train"] == {"videos": 5338, "queries": 12408}
    # Of 10.1 hours of TACoS, 36 x 2048 numbers of 4 bytes for each third of a second.
    assert rows["tacos-tall"]["regions_gb"] == round(10.1 * 3600 * 3 * 36 * 8.192e-6, 1)
    assert rows["didemo"]["regions_gb"] is None


@pytest.mark.parametrize("name", WRITERS)
def test_a_converted_data_set_is_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    (tmp_path / "from").mkdir()
    before = opened(name, tmp_path / "from")
    words = (
        "data",
        "convert",
        name,
        "--root",
        tmp_path / "from",
        "--to",
        tmp_path / "to",
    )
    called = call(capsys, *words)
    assert called.code == 0, called.err
    after = own.load(tmp_path / "to")
    assert after.splits == before.splits
    named = {q.video_id for queries in before.splits.values() for q in queries}
    lengths = {key: each for key, each in before.durations_s.items() if key in named}
    assert after.durations_s == lengths
    for queries in before.splits.values():
        for query in queries:
            assert record(after, query) == record(before, query)
    assert own.read(tmp_path / "to").faults == []
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "to").iterdir()}
    assert call(capsys, *words) == called
    assert files == {
        path: path.stat().st_mtime_ns for path in (tmp_path / "to").iterdir()
    }, "what is there stays"


def test_nothing_is_written_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "from").mkdir()
    WRITERS["didemo"](tmp_path / "from")
    to = write_files(tmp_path / "to", {"val.jsonl": "mine\n"})
    words = ("didemo", "--root", tmp_path / "from", "--to", to)
    refused(
        call(capsys, "data", "convert", *words), r"val\.jsonl exists with other con"
    )
    assert {path.name: path.read_text() for path in to.iterdir()} == {
        "val.jsonl": "mine\n"
    }


def test_a_conversion_that_is_stopped_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "from").mkdir()
    dataset = opened("didemo", tmp_path / "from")

    def stop(done: float, total: float) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(dataset, tmp_path / "to", stop)
    (one,) = (tmp_path / "to").iterdir()
    assert one.name == "train.jsonl"
    convert(dataset, tmp_path / "to")
    assert own.load(tmp_path / "to").splits == dataset.splits


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    dataset = opened("didemo", tmp_path / "from")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"train\.jsonl cannot be written"):
        convert(dataset, tmp_path / "file")


def test_statistics_count_what_is_there(tmp_path: Path) -> None:
    rows = [
        ROW | {"query_id": "1", "duration_s": 10, "spans": [[0, 5]]},
        ROW
        | {"query_id": "2", "query": "He runs, he runs!", "spans": [[5, 10], [1, 2]]},
        ROW | {"query_id": "3", "video_id": "b", "spans": []},
        ROW | {"query_id": "4", "video_id": "b", "spans": None},
        ROW | {"query_id": "5", "video_id": "b", "spans": [[2, 4]]},
    ]
    (found,) = statistics(own.load(write_files(tmp_path / "d", {"train.jsonl": rows})))
    assert (found.videos, len(found.words)) == (2, 5)
    assert (found.unknown, found.empty, found.several) == (1, 1, 1)
    assert found.vocabulary == len({"a", "man", "sits", "he", "runs"})
    assert sorted(found.lengths_s.tolist()) == [1.0, 2.0, 5.0, 5.0]
    assert found.durations_s.tolist() == [10.0]
    assert found.relative.tolist() == [[0.0, 0.5], [0.5, 1.0], [0.1, 0.2]]
    assert found.prior.sum() == pytest.approx(1.0)
    assert found.prior[0, 10] == found.prior[10, 19] == pytest.approx(1 / 3)
    assert found.rows()["span, s"] == {
        "least": 1.0,
        "quarter": 1.75,
        "median": 3.5,
        "three quarters": 5.0,
        "most": 5.0,
        "mean": 3.25,
    }


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_prior_is_drawn(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str
) -> None:
    (tmp_path / "from").mkdir()
    WRITERS["charades-sta"](tmp_path / "from")
    picture = tmp_path / f"prior.{suffix}"
    words = ("data", "stats", "charades-sta", "--root", tmp_path / "from")
    called = call(capsys, *words, "--plot", picture)
    assert called.code == 0, called.err
    assert "span, share of the video" in called.out and "median" in called.out
    assert "1 have no ground truth" in called.out
    assert picture.stat().st_size > 5_000
    again = picture.read_bytes()
    call(capsys, *words, "--plot", picture)
    if suffix == "png":
        assert picture.read_bytes() == again
    (first, *_) = json.loads(call(capsys, *words, "--json").out)
    assert first["split"] == "train" and first["truth_unknown"] == 1


@pytest.mark.slice
def test_statistics_take_lengths_from_videos_and_features(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    damage = put("frames", nan)(arrays())
    root = folder(tmp_path / "d", {"a": arrays(), "b": arrays(), "c": damage})
    (root / "videos").mkdir()
    coloured(root / "videos" / "b.mp4")
    called = call(capsys, "data", "stats", "own", "--root", root, "--json")
    assert called.code == 0, called.err
    found, _ = json.loads(called.out)
    quantiles = found["quantiles"]["video, s"]
    assert (quantiles["least"], quantiles["most"]) == (4.0, 6.0)
    shares = found["quantiles"]["span, share of the video"]
    assert (shares["least"], shares["most"]) == (pytest.approx(1 / 3, abs=1e-3), 0.5)
    assert sum(map(sum, found["prior"])) == pytest.approx(1.0)


def test_a_set_without_known_lengths_is_drawn(tmp_path: Path) -> None:
    splits = statistics(own.load(write_files(tmp_path / "d", {"train.jsonl": [ROW]})))
    assert splits[0].prior.sum() == 0
    draw_statistics("own", splits, tmp_path / "prior.png")
    assert (tmp_path / "prior.png").stat().st_size > 5_000


def test_a_record_says_what_is_not_known(tmp_path: Path) -> None:
    found = own.load(write_files(tmp_path / "d", {"train.jsonl": [ROW]}))
    unknown = Query("q", "a", "x", None)
    assert record(found, unknown)["spans"] is None
    assert record(found, Query("q", "a", "x", ()))["spans"] == []
    one = record(found, Query("q", "a", "x", (Span(1.0, 2.0),)))
    assert one == {
        "query_id": "q",
        "video_id": "a",
        "query": "x",
        "spans": [[1.0, 2.0]],
    }
