"""From searching to training on one's own annotations."""

import json
from pathlib import Path
from typing import Any

import pytest

from slta.features import EXTRACTORS, Kind
from slta.index.library import Index
from slta.serve.corrections import Correcting, Corrections
from tests.support.commands import call, refused
from tests.support.extractors import Tiles
from tests.support.libraries import Library


def say(
    index: Index, file: str, query: str, start_s: float, end_s: float, **more: Any
) -> None:
    """A correction of what was found a second later, accepted unless it is said."""
    video = next(each.video for each in index.snapshot().there if each.path == file)
    given: dict[str, Any] = {
        "video": video,
        "query": query,
        "found_start_s": start_s + 0.1,
        "found_end_s": end_s + 0.1,
        "start_s": start_s,
        "end_s": end_s,
        "verdict": "accepted",
    }
    Corrections(index).put(Correcting(**given | more))


@pytest.fixture
def index(library: Library) -> Index:
    library.put("one.mp4", 0)
    library.put("two.mp4", 1)
    library.put("tours/Käse & co.mp4", 2)
    library.put("left.mp4", 3)
    index = library.open()
    index.add()
    return index


def written(library: Library, to: Path, *options: object) -> list[object]:
    return [
        *("data", "export-corrections", library.folder, "--to", to),
        *("--index", library.place, *options),
    ]


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_what_becomes_of_what(
    library: Library, index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    say(index, "one.mp4", "red", 0.0, 1.5)
    say(index, "one.mp4", "red", 1.0, 2.25)
    say(index, "one.mp4", " red ", 4.0, 6.0)
    say(index, "one.mp4", "red", 5.0, 5.5, verdict="rejected")
    say(index, "two.mp4", "a  fox", 1.0, 2.0, verdict="rejected")
    say(index, "two.mp4", "a dog", 1.0, 2.0, verdict=None, note="perhaps")
    say(index, "two.mp4", "?!", 1.0, 2.0)
    say(index, "tours/Käse & co.mp4", "ein Käse", 3.0, 6.3)
    say(index, "left.mp4", "red", 0.0, 1.0)
    (library.folder / "left.mp4").unlink()
    called = call(capsys, *written(library, tmp_path / "own"))
    assert called.code == 0
    assert "3 queries of 3 videos, 3 spans; 1 queries are not" in called.out
    for line in (
        "left out: 1 moments without a verdict",
        "left out: 1 moments of queries without words",
        "left out: 1 videos that are not in the folder: left.mp4",
    ):
        assert line in called.err
    found = {
        (row["video_id"], row["query"]): row["spans"]
        for split in ("train", "val")
        for row in rows(tmp_path / "own" / f"{split}.jsonl")
    }
    assert found == {
        ("one.mp4", "red"): [[0.0, 2.25], [4.0, 6.0]],
        ("two.mp4", "a fox"): [],
        ("tours_Käse & co.mp4", "ein Käse"): [[3.0, 6.0]],
    }
    videos = {path.name: path for path in (tmp_path / "own" / "videos").iterdir()}
    assert {*videos} == {"one.mp4", "two.mp4", "tours_Käse & co.mp4"}
    cheese = library.folder / "tours" / "Käse & co.mp4"
    assert videos["tours_Käse & co.mp4"].samefile(cheese)
    held_out = {row["video_id"] for row in rows(tmp_path / "own" / "val.jsonl")}
    assert 0 < len(held_out) < 3
    kept = {row["video_id"] for row in rows(tmp_path / "own" / "train.jsonl")}
    assert not held_out & kept
    checked = call(capsys, "data", "check", "own", "--root", tmp_path / "own")
    assert checked.code == 0 and "video files: 3 of 3" in checked.out, checked.out


def test_nothing_is_overwritten(
    library: Library, index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    say(index, "one.mp4", "red", 0.0, 1.5)
    for _ in range(2):
        assert call(capsys, *written(library, own)).code == 0
    before = (own / "train.jsonl").read_bytes()
    say(index, "two.mp4", "red", 0.0, 1.5)
    one = call(capsys, *written(library, own, "--split", "train"))
    refused(one, "train.jsonl exists with other content")
    assert (own / "train.jsonl").read_bytes() == before
    assert [path.name for path in (own / "videos").iterdir()] == ["one.mp4"]
    assert call(capsys, *written(library, own, "--split", "val")).code == 0
    (tmp_path / "other" / "videos").mkdir(parents=True)
    (tmp_path / "other" / "videos" / "one.mp4").write_text("mine")
    refused(call(capsys, *written(library, tmp_path / "other")), "give another --to")
    assert not (tmp_path / "other" / "train.jsonl").exists()
    assert (tmp_path / "other" / "videos" / "one.mp4").read_text() == "mine"


def test_names_that_are_equal_without_their_folders_stay_apart(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(["a/b.mp4", "a_b.mp4", "A_B.mp4"]):
        library.put(name, number)
    index = library.open()
    index.add()
    for name in ("a/b.mp4", "a_b.mp4", "A_B.mp4"):
        say(index, name, "red", 0.0, 1.5)
    assert call(capsys, *written(library, tmp_path / "own")).code == 0
    videos = sorted((tmp_path / "own" / "videos").iterdir())
    assert len({path.name.casefold() for path in videos}) == 3
    targets = sorted(path.resolve() for path in videos)
    assert targets == sorted(library.folder.rglob("*.mp4"))


def test_what_cannot_be_written_is_told(
    library: Library, index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    refused(call(capsys, *written(library, own)), "no accepted or rejected moments")
    say(index, "left.mp4", "red", 0.0, 1.0)
    refused(call(capsys, *written(library, own, "--split", "../up")), "train or val")
    (library.folder / "left.mp4").unlink()
    refused(call(capsys, *written(library, own)), "put left.mp4 back")
    library.place = tmp_path / "none"
    refused(call(capsys, *written(library, own)), "has no index yet")
    assert not own.exists()


@pytest.mark.slice
def test_a_model_is_trained_on_what_people_said(
    library: Library,
    index: Index,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Orders of colours: NAMES of tests.support.libraries.
    say(index, "one.mp4", "red", 0.0, 2.0)
    say(index, "one.mp4", "green", 2.0, 4.0)
    say(index, "two.mp4", "red", 0.0, 2.0)
    say(index, "two.mp4", "green", 4.0, 6.0)
    say(index, "two.mp4", "a red fox", 0.0, 1.0, verdict="rejected")
    own = tmp_path / "own"
    assert call(capsys, *written(library, own)).code == 0
    assert call(capsys, *written(library, own, "--split", "test")).code == 0
    monkeypatch.setitem(EXTRACTORS, "tiles", Kind(lambda _: Tiles()))
    options = (
        f"--dataset.root {own} --features.extractor tiles --features.rate-hz 2 "
        "--candidates.lengths-s 2 4 --training.steps 4 --training.evaluate-every 2 "
        "--training.queries 4 --training.queries-per-video 2 --training.negatives 2 "
        "--training.background 1 --training.threads 1 --model.attention-size 8 "
        "--model.interaction-size 8 --model.word-size 8 --model.language-size 8 "
        f"--model.fusion-size 16 --out {tmp_path / 'run'} --store {tmp_path / 'store'}"
    ).split()
    trained = call(capsys, "train", "slta", "--on", "own", *options)
    assert trained.code == 0 and "test:" in trained.out, trained.err
