"""Videos into the store: all that can be used, what is there left alone, the rest told."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from slta.datasets.extraction import dataset_at, extract, videos_of
from slta.errors import UnwritableError
from slta.features import EXTRACTORS, Kind, provider
from slta.features.base import VideoFeatures
from slta.features.library import Library
from slta.features.store import Store
from slta.video.reading import Frames
from tests.conftest import SHARED
from tests.support.annotation_files import WRITERS, opened
from tests.support.commands import call, command, refused
from tests.support.extractors import Colours, coloured
from tests.support.indexed_films import records
from tests.support.videos import only_sound
from tests.support.word_vectors import write_vectors


class Seen(Colours):
    """Colours that tell how often they looked, and can be stopped."""

    def __init__(self) -> None:
        self.looks = 0
        self.stop_at = -1

    def video(self, frames: Frames) -> VideoFeatures:
        self.looks += 1
        if self.looks == self.stop_at:
            raise KeyboardInterrupt
        return super().video(frames)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    one = Seen()
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: one))
    return one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three videos, one of them cut short, and what is none."""
    folder = tmp_path / "mine"
    folder.mkdir()
    coloured(folder / "a.mp4")
    coloured(folder / "b.mp4", order="blue red")
    whole = coloured(folder / "c.mp4", order="green").read_bytes()
    (folder / "c.mp4").write_bytes(whole[: len(whole) // 2])
    only_sound(folder / "d.mp4")
    (folder / "e.avi").write_text("nothing")
    (folder / "notes.txt").write_text("what is in them")
    (folder / ".hidden").write_text("")
    (folder / "more").mkdir()
    return folder


def flags(folder: Path) -> list[object]:
    store = folder.parent / "store"
    return ["--extractor", "colours", "--rate", 2, "--store", store]


def test_all_that_can_be_used_is_and_the_rest_is_told(
    folder: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call(capsys, "extract", folder, *flags(folder))
    assert done.code == 2
    assert done.out.startswith(
        "2 videos extracted, 0 already stored; 10.0 s of video in "
    )
    *told, last = done.err.splitlines()
    assert last == "slta: 3 of 5 videos cannot be used; see the lines above"
    assert [line.split(": ")[0] for line in told] == ["c.mp4", "d.mp4", "e.avi"]
    for line, why in zip(told, ["decoded", "no video", "is not a video"], strict=True):
        assert why in line, line
    library = Library(seen, Store(folder.parent / "store"), 2.0)
    looks = seen.looks
    assert library.has(folder / "a.mp4") and not library.has(folder / "c.mp4")
    assert len(library.read(folder / "b.mp4")[1].frames) == 8
    assert seen.looks == looks


def test_what_is_there_is_not_looked_at_again(
    folder: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("c.mp4", "d.mp4", "e.avi"):
        (folder / name).unlink()
    assert call(capsys, "extract", folder, *flags(folder)).code == 0
    looks = seen.looks
    coloured(folder / "f.mp4", order="red")
    again = call(capsys, "extract", folder, *flags(folder))
    assert again.code == 0 and again.err == ""
    assert again.out.startswith("1 videos extracted, 2 already stored; 2.0 s of video")
    assert seen.looks == looks + 1
    nothing = call(capsys, "extract", folder, *flags(folder))
    assert nothing.out == "0 videos extracted, 3 already stored\n"


def test_who_is_stopped_goes_on(
    folder: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("c.mp4", "d.mp4", "e.avi"):
        (folder / name).unlink()
    seen.stop_at = 2
    stopped = call(capsys, "extract", folder, *flags(folder))
    assert stopped.code == 130
    assert "interrupted; what was finished is kept" in stopped.err
    assert not any("unfinished" in name for name in records(folder.parent / "store"))
    again = call(capsys, "extract", folder, *flags(folder))
    assert again.code == 0
    assert again.out.startswith("1 videos extracted, 1 already stored")


@pytest.mark.slice
def test_a_command_that_is_stopped_from_the_keyboard_keeps_what_is_finished(
    tmp_path: Path,
) -> None:
    folder, store = tmp_path / "mine", tmp_path / "store"
    folder.mkdir()
    coloured(folder / "a.mp4")
    for i in range(12, 15):
        coloured(folder / f"b{i}.mp4", order="red blue green " * i)
    given = "extract", folder, "--rate", 30, "--store", store
    process = subprocess.Popen(
        command(*given),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
        start_new_session=True,
        # Tests that run in the background of a shell are begun deaf to the keyboard.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    videos, until = store / "videos", time.monotonic() + 120
    while not list(videos.glob("*/cells@*")) and time.monotonic() < until:
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said and "what was finished is kept" in said
    assert list(videos.glob("*/cells@*"))
    assert not list(videos.glob("*/.unfinished*"))


def test_one_video(
    folder: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call(capsys, "extract", folder / "a.mp4", *flags(folder))
    assert done.code == 0 and done.out.startswith(
        "1 videos extracted, 0 already stored"
    )
    for name, why in (
        ("c.mp4", "no frame that can be decoded"),
        ("no.mp4", r"no\.mp4 "),
    ):
        refused(call(capsys, "extract", folder / name, *flags(folder)), why)


def test_a_video_under_two_names_of_one_id(
    folder: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.mp4", "c.mp4", "d.mp4", "e.avi"):
        (folder / name).unlink()
    coloured(folder / "a.mkv", order="red")
    done = call(capsys, "extract", folder, *flags(folder))
    assert done.code == 2
    assert "a.mp4: the video 'a' is also there as a.mkv; keep one" in done.err


@pytest.fixture
def downloaded(tmp_path: Path) -> Path:
    """A folder as a downloader leaves it, with annotations of one's own about it."""
    root = tmp_path / "downloaded"
    videos = root / "videos"
    videos.mkdir(parents=True)
    rows = ["video_id,query,start_s,end_s"]
    for name, order in (("A bike [a1B-]", "red blue"), ("Caf\u00e9 [z9Y]", "green")):
        coloured(videos / f"{name}.mp4", order=order)
        Image.new("RGB", (160, 90)).save(videos / f"{name}.webp")
        (videos / f"{name}.info.json").write_text('{"id": "x", "title": "y"}')
        (videos / f"{name}.description").write_text("A film.")
        (videos / f"{name}.en.vtt").write_text(
            "WEBVTT\n\n00:00.000 --> 00:02.000\nhi\n"
        )
        (videos / f"._{name}.mp4").touch()
        (videos / f"{name} 2.mp4.part").write_bytes(b"\0" * 99)
        rows.append(f"{name},a hand turns a screw,0,2")
    for name in ("Thumbs.db", "desktop.ini"):
        (videos / name).touch()
    (videos / "archive.log").write_text("youtube a1B-")
    for split in ("train", "val"):
        (root / f"{split}.csv").write_text("\n".join(rows))
    return root


def test_what_a_downloader_leaves_beside_films_is_passed_over(
    downloaded: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = call(capsys, "data", "check", "own", "--root", downloaded)
    assert checked.code == 0 and "0 faults" in checked.out.splitlines()
    alone = call(capsys, "extract", downloaded / "videos", *flags(downloaded))
    assert alone.code == 0 and alone.err == ""
    assert alone.out.startswith("2 videos extracted, 0 already stored")
    again = call(capsys, "extract", downloaded, *flags(downloaded))
    assert again.code == 0 and again.err == ""
    assert "0 videos extracted, 2 already stored" in again.out


def test_what_is_wrong_with_everything_ends_it(
    folder: Path, seen: Seen, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    weights = tmp_path / "w.pth"
    weights.write_text("no weights")
    given = "--extractor", f"c3d:{weights}", "--store", tmp_path / "store"
    refused(call(capsys, "extract", folder, *given), "w.pth cannot be read as weights")
    full = tmp_path / "full"
    full.write_text("a file, where a folder should be")
    given = "--extractor", "colours", "--store", full
    refused(call(capsys, "extract", folder, *given), "full cannot be written")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--rate", "0"], "--rate must be above 0, got 0.0"),
        (["--rate", "x"], "--rate"),
        (["--extractor", "colour"], "unknown extractor 'colour'; did you mean"),
        (["--words", "glov"], "unknown words 'glov'; did you mean glove"),
    ],
)
def test_flags_that_cannot_be_used(
    given: list[str],
    says: str,
    folder: Path,
    seen: Seen,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = folder.parent / "store"
    refused(call(capsys, "extract", folder, *given, "--store", store), says)


def test_a_folder_without_videos(
    tmp_path: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "train.jsonl").write_text("")
    done = call(capsys, "extract", tmp_path, "--extractor", "colours")
    refused(done, "videos has no videos; put them there, or give another folder")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    """Data in the own format, one of whose videos is missing."""
    folder = tmp_path / "own"
    (folder / "videos").mkdir(parents=True)
    coloured(folder / "videos" / "a.mp4")
    coloured(folder / "videos" / "b.mp4", order="blue")
    rows = [("a", "red"), ("a", "green"), ("b", "blue"), ("gone", "green")]
    lines = [
        json.dumps({"video_id": video, "query": query, "spans": [[0, 1]]})
        for video, query in rows
    ]
    (folder / "train.jsonl").write_text("\n".join(lines[:2]))
    (folder / "test.jsonl").write_text("\n".join(lines[2:]))
    yield folder


def test_data_in_the_own_format_has_its_queries_read_and_its_videos_looked_for(
    own: Path, seen: Seen, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = write_vectors(tmp_path / "g.txt", "red", "blue")
    given = [*flags(own), "--words", f"glove:{words}"]
    done = call(capsys, "extract", own, *given)
    assert done.code == 2
    first, second = done.out.splitlines()
    assert first == "4 queries with 4 words, of which 2 have no vector: green (2)"
    assert second.startswith("2 videos extracted, 0 already stored")
    assert "gone: the video 'gone' is missing; put it into" in done.err
    assert done.err.splitlines()[-1] == (
        "slta: 1 of 3 videos cannot be used; see the lines above"
    )
    coloured(own / "videos" / "gone.mp4", order="green")
    again = call(capsys, "extract", own, *given)
    assert again.code == 0 and again.err == ""
    assert "1 videos extracted, 2 already stored" in again.out


def test_without_words_of_their_own_the_extractors_are_taken(
    own: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call(capsys, "extract", own, *flags(own))
    assert done.out.startswith("4 queries with 4 words\n")


def test_queries_in_a_table_are_read_too(
    own: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in own.glob("*.jsonl"):
        file.unlink()
    row = f"{next((own / 'videos').iterdir()).stem},red,0,1"
    (own / "train.csv").write_text(f"video_id,query,start_s,end_s\n{row}\n")
    done = call(capsys, "extract", own, *flags(own))
    assert done.out.startswith("1 queries with 1 words\n")


def windows(folder: Path, *names: str) -> str:
    folder.mkdir()
    for name in names:
        vector = np.full(4, len(name), np.float32)
        for first in (1, 5, 9):
            np.save(folder / f"{name}_{first}_{first + 16}.npy", vector)
    return f"slta-release:{folder}"


@pytest.mark.parametrize("name", WRITERS)
def test_an_official_data_set_is_named(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root, store = tmp_path / "root", tmp_path / "store"
    root.mkdir()
    found = opened(name, root)
    queries = [query for split in found.splits.values() for query in split]
    asked = {query.video_id for query in queries}
    given = windows(tmp_path / "features", *asked, "other")
    flags = "--dataset", name, "--extractor", given, "--store", store
    done = call(capsys, "extract", root, *flags)
    assert done.code == 0 and done.err == ""
    first, second = done.out.splitlines()
    assert first.startswith(f"{len(queries)} queries with ")
    assert second.startswith(f"{len(asked)} videos imported, 0 already stored")


def test_samples_without_times_lie_as_the_official_lengths_say(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root, file = tmp_path / "root", tmp_path / "tan.hdf5"
    root.mkdir()
    lengths = opened("activitynet-captions", root).durations_s
    with h5py.File(file, "w") as opened_file:
        for name in ("v_a", "v_b", "v_test"):
            opened_file[name] = np.zeros((10, 4), np.float32)
    given = f"2dtan:{file}"
    flags = "--extractor", given, "--rate", 1, "--store", tmp_path / "store"
    done = call(capsys, "extract", root, "--dataset", "activitynet-captions", *flags)
    assert done.code == 0 and "2 videos imported, 0 already stored" in done.out, (
        done.err
    )
    store = Store(tmp_path / "store")
    known = provider(given, store, 1.0, durations=lambda: lengths)
    assert known.has("v_a")
    info, features = known.read("v_a")
    assert info.duration_s == 82.73 and len(features.frames) == 83
    unnamed = call(capsys, "extract", root, *flags)
    assert unnamed.code == 2
    assert "give its duration_s in the annotations, or name the" in unnamed.err


@pytest.mark.parametrize("name", ["charades-sta", "qvhighlights"])
def test_what_looks_like_an_official_data_set_is_to_be_named(
    name: str, seen: Seen, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    opened(name, root)
    coloured(root / "a.mp4")
    line = refused(call(capsys, "extract", root, *flags(root)))
    assert line.endswith(
        f"{root} has the files of {name}; say which data set it is, as in --dataset {name}"
    )


def test_an_official_data_set_without_its_videos(
    seen: Seen, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    opened("didemo", root)
    (root / "videos").mkdir()
    given = "--dataset", "didemo", *flags(root)
    says = "all 3 videos of the data set are missing: the video '0@N01_x.m4v' is mi"
    refused(call(capsys, "extract", root, *given), says)
    coloured(root / "videos" / "0@N01_x.m4v.mp4")
    coloured(root / "videos" / "another.mp4")
    done = call(capsys, "extract", root, *given)
    assert done.code == 2 and done.out.splitlines()[1].startswith("1 videos extracted")
    assert [line.split(": ")[0] for line in done.err.splitlines()] == [
        "1@N01_x.m4v",
        "2@N01_x.m4v",
        "slta",
    ]


@pytest.mark.parametrize(
    ("place", "name", "says"),
    [
        (".", "didem", "unknown data set 'didem'; did you mean 'didemo'"),
        ("nowhere", "didemo", "nowhere is not a folder; give the data set's folder"),
        (".", "own", "train.jsonl is missing; write it or train.csv, or make it"),
    ],
)
def test_a_data_set_that_is_not_there(
    place: str,
    name: str,
    says: str,
    seen: Seen,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    given = "--dataset", name, *flags(tmp_path / "x")
    refused(call(capsys, "extract", tmp_path / place, *given), says)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "folder", "count"),
    [("charades-sta", "charades", 6672), ("tacos-2dtan", "tacos", 127)],
)
def test_the_videos_of_the_official_files_are_found(
    name: str, folder: str, count: int, tmp_path: Path
) -> None:
    dataset = dataset_at(SHARED / "data" / folder, name)
    assert dataset is not None
    known = dataset.durations_s
    videos = {q.video_id for split in dataset.splits.values() for q in split}
    with h5py.File(tmp_path / "tan.hdf5", "w") as file:
        for video_id in videos:
            file[video_id] = np.zeros((3, 4), np.float32)
    store = Store(tmp_path / "store")
    library = provider(
        f"2dtan:{tmp_path / 'tan.hdf5'}", store, 1.0, durations=lambda: known
    )
    found = videos_of(dataset, library)
    assert len(found.paths) == count and found.refused == {}
    done = extract(library, found.paths[:3])
    assert len(done.extracted) == 3 and done.refused == {}
    assert done.video_s == pytest.approx(sum(known[p.name] for p in found.paths[:3]))


def test_a_full_disk_is_not_taken_for_the_fault_of_a_video(
    folder: Path,
    seen: Seen,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its name, "a", is in what is said of the disk, too."""

    def full(*_: object, **__: object) -> None:
        raise UnwritableError("the store cannot be written as a disk is full")

    monkeypatch.setattr(Library, "names", lambda *_: ["a"])
    monkeypatch.setattr(Store, "write", full)
    called = call(capsys, "extract", folder, *flags(folder))
    refused(called, "the store cannot be written as a disk is full")
