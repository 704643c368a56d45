import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from jaxtyping import Float16

from slta import Answer, InputError, Searcher
from slta.features import EXTRACTORS, Kind
from slta.features.store import HEADER, Record, Store
from tests.support.commands import call, command, refused, run
from tests.support.extractors import Colours, coloured
from tests.support.indexed_films import known, record, records

DIGEST = "d" * 64
LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from slta.cli import main
main()
"""


OPENED = """
import resource, sys
import numpy as np
from pathlib import Path
from slta.errors import InputError
from slta.features.store import Store
store, soft, hard = Store(Path(sys.argv[1])), *map(int, sys.argv[2:])
held = []
for i in range(100):
    with store.write(f"{i:064}", "made", facts={}) as writer:
        writer.append({"a": np.zeros(3)})
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    held = [store.read(f"{i:064}", "made") for i in range(100)]
except InputError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A film of three colours, and an extractor that is quick at it."""
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    return coloured(tmp_path / "flag.mp4")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def write(store: Store, *parts: np.ndarray, **facts: Any) -> Record:
    with store.write(DIGEST, "made", facts=facts) as writer:
        for part in parts:
            writer.append({"a": part})
    found = store.read(DIGEST, "made")
    assert found is not None
    return found


def limited(size: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """The command where no file can grow beyond a size, as on a full disk."""
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(size), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


@st.composite
def rows(draw: st.DrawFn) -> list[np.ndarray]:
    """Parts of one array, cut along its first axis."""
    kinds = arrays.floating_dtypes() | arrays.integer_dtypes() | arrays.boolean_dtypes()
    shapes = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
    array = draw(arrays.arrays(draw(kinds), draw(shapes)))
    cuts = sorted(draw(st.lists(st.integers(0, len(array)), max_size=5)))
    return np.split(array, cuts)


@given(parts=rows())
def test_an_array_written_in_parts_is_read_back_whole(
    tmp_path_factory: pytest.TempPathFactory, parts: list[np.ndarray]
) -> None:
    found = write(Store(tmp_path_factory.mktemp("store")), *parts).arrays["a"]
    whole = np.concatenate(parts)
    assert isinstance(found, np.memmap) and not found.flags.writeable
    assert found.dtype == whole.dtype.newbyteorder("<")
    np.testing.assert_array_equal(found, whole)


@given(
    parts=rows(),
    cut=st.tuples(st.integers(0, HEADER - 1), st.binary(min_size=1, max_size=20)),
)
def test_a_damaged_header_is_told_or_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[np.ndarray],
    cut: tuple[int, bytes],
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    found = write(store, *parts)
    shape = found.arrays["a"].shape
    path = found.folder / "a.npy"
    content = path.read_bytes()
    place, garbage = cut
    garbage = garbage[: HEADER - place]
    path.write_bytes(content[:place] + garbage + content[place + len(garbage) :])
    try:
        again = store.read(DIGEST, "made")
        assert again is not None and again.arrays["a"].shape == shape
    except InputError as error:
        assert f"remove the folder {found.folder}" in str(error)


def opened(store: Store, soft: int, hard: int) -> "subprocess.CompletedProcess[str]":
    """A hundred records held at once, where only so many files may be open."""
    words = [sys.executable, "-c", OPENED, store.root, soft, hard]
    return subprocess.run([*map(str, words)], capture_output=True, text=True)


def test_more_records_are_held_than_files_may_be_open_at_first(store: Store) -> None:
    done = opened(store, 50, 200)
    assert done.returncode == 0, done.stderr


def test_where_no_more_files_may_be_open_nothing_is_to_be_removed(store: Store) -> None:
    done = opened(store, 50, 50)
    assert done.returncode == 1
    says = r"/a\.npy cannot be opened beside 50 other files; allow more open files, as "
    assert re.search(says, done.stderr) and "remove" not in done.stderr


def test_arrays_of_any_likely_size_fit_the_header(store: Store) -> None:
    with store.write(DIGEST, "made", facts={}) as writer:
        writer.append({"a": np.zeros((0, 10**6, 10**6, 10**6), np.float16)})
    found = store.read(DIGEST, "made")
    assert found is not None and found.arrays["a"].shape == (0, *[10**6] * 3)
    with (
        pytest.raises(ValueError, match="does not fit an array's header"),
        store.write(DIGEST, "larger", facts={}) as writer,
    ):
        writer.append({"a": np.zeros((0, *[1] * 40), np.float16)})
    assert records(store.root) == {
        DIGEST[:32],
        *(f"{DIGEST[:32]}/made{file}" for file in ("", "/a.npy", "/record.json")),
    }


def test_facts_may_be_added_until_the_end(store: Store) -> None:
    facts = {"extractor": "eyes"}
    with store.write(DIGEST, "made", facts=facts) as writer:
        writer.append({"a": np.zeros(1)})
        facts["note"] = "tired"
    found = store.read(DIGEST, "made")
    assert found is not None and found.digest == DIGEST
    assert found.facts == {"extractor": "eyes", "note": "tired", "arrays": {"a": [1]}}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), r"rows of a are \[3\], then \[4\]"),
        (np.zeros((2, 3)), np.zeros(2), r"rows of a are \[3\], then \[\]"),
        (np.array([{}]), np.zeros(2), "a holds objects"),
    ],
)
def test_rows_that_cannot_be_one_array_are_refused(
    store: Store, first: np.ndarray, second: np.ndarray, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        write(store, first, second)
    assert records(store.root) == {DIGEST[:32]}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError, OSError])
def test_a_record_that_fails_is_not_there_and_its_error_is_its_own(
    store: Store, stop: type[BaseException]
) -> None:
    with (
        pytest.raises(stop, match=r"^of the decoder$"),
        store.write(DIGEST, "made", facts={}) as writer,
    ):
        writer.append({"a": np.zeros(1)})
        raise stop("of the decoder")
    assert store.read(DIGEST, "made") is None and records(store.root) == {DIGEST[:32]}


def test_names_that_no_file_can_have_are_kept_apart(store: Store) -> None:
    for name in ("clip:a/b", "clip:a_b", "clip_a_b", "..", os.fsdecode(b"clip:\xff")):
        with store.write(DIGEST, name, facts={"name": ascii(name)}) as writer:
            writer.append({"a": np.zeros(1)})
        found = store.read(DIGEST, name)
        assert found is not None and found.facts["name"] == ascii(name)
        assert found.folder.parent == store.root / "videos" / DIGEST[:32]


def test_a_film_is_known_by_its_content(store: Store, tmp_path: Path) -> None:
    one, same, other = (tmp_path / f"{name}.mp4" for name in "abc")
    one.write_bytes(b"red")
    same.write_bytes(b"red")
    other.write_bytes(b"sea")
    assert store.digest(one) == hashlib.sha256(b"red").hexdigest()
    assert store.digest(same) == store.digest(one) != store.digest(other)


def test_a_film_seen_before_is_not_read_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    path.write_bytes(b"red")
    digest = store.digest(path)

    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    assert Store(store.root).digest(path) == digest


@pytest.mark.parametrize("how", ["written over", "moved in place"])
def test_a_film_of_the_same_size_and_age_is_still_another(
    store: Store, tmp_path: Path, how: str
) -> None:
    path, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    path.write_bytes(b"red")
    before, digest = path.stat(), store.digest(path)
    time.sleep(0.02)
    other.write_bytes(b"sea")
    if how == "written over":
        path.write_bytes(b"sea")
    else:
        other.rename(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.digest(path) == hashlib.sha256(b"sea").hexdigest() != digest


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"digest": 3}', "\udcff"])
def test_a_damaged_note_of_a_path_costs_only_time(
    store: Store, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"red")
    digest = store.digest(path)
    (note,) = (store.root / "paths").iterdir()
    note.write_text(content, errors="surrogateescape")
    assert store.digest(path) == digest
    assert json.loads(note.read_text())["digest"] == digest


def test_many_can_begin_a_store_at_once(tmp_path: Path) -> None:
    def begin(barrier: Barrier, root: Path) -> Path:
        barrier.wait()
        return Store(root).root

    with ThreadPoolExecutor(8) as pool:
        for trial in range(25):
            barrier, root = Barrier(8), tmp_path / str(trial)
            runs = [pool.submit(begin, barrier, root) for _ in range(8)]
            assert {run.result() for run in runs} == {root}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"format": 2}', r"has format 2, this program reads 1; choose another folder"),
        ("{}", r"has format None, this program reads 1; choose another folder"),
        ("[]", r"store\.json cannot be read .*; choose another folder with --store"),
        ("", r"store\.json cannot be read .*; choose another folder with --store"),
        ('{"format', r"store\.json cannot be read .*; choose another folder"),
        ("\udcff\udcfe", r"store\.json cannot be read .*; choose another folder"),
    ],
)
def test_a_store_of_another_program_is_refused_and_left_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, says: str
) -> None:
    root = tmp_path / "other"
    root.mkdir()
    (root / "store.json").write_text(content, errors="surrogateescape")
    called = call(capsys, "search", "a.mp4", "a cat", "--store", root)
    refused(called, str(root), says)
    assert [path.name for path in root.iterdir()] == ["store.json"]


@pytest.mark.parametrize("below", ["", "sub", "sub/sub"])
def test_a_store_that_cannot_be_a_folder_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, below: str
) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    called = call(capsys, "search", "a.mp4", "a cat", "--store", file / below)
    refused(called, f"{file / below} cannot be written", "another folder with --store")
    assert file.read_text() == "precious"


def test_a_store_of_too_long_a_name_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    called = call(capsys, "search", "a.mp4", "a", "--store", tmp_path / ("x" * 300))
    refused(called, "cannot be written", "another folder with --store")


def test_features_are_half_floats_and_mapped() -> None:
    folder = record(known().store, known().film)
    found = Record(folder, folder.parent.name).arrays
    assert set(found) == {
        *("times_s", "frames", "regions", "frame_meanings", "region_meanings", "boxes")
    }
    for name, array in found.items():
        assert isinstance(array, np.memmap) and len(array) == 17
        assert array.dtype == (np.float64 if name == "times_s" else np.float16)
    np.testing.assert_array_equal(found["times_s"], np.arange(17) / 2)


def said(answer: Answer) -> dict[str, Any]:
    """An answer without the name of the file."""
    return {k: v for k, v in answer.to_json().items() if k != "video_id"}


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes the decoder away."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    def blind() -> None:
        for name in ("sample", "probe", "frames", "look"):
            monkeypatch.setattr(f"slta.video.reading.{name}", refuse)

    return blind


@pytest.mark.slice
def test_a_film_is_looked_at_once_whatever_its_name(
    tmp_path: Path, blind: Callable[[], None]
) -> None:
    store = known().copy(tmp_path / "store")
    before = Searcher(store=store).search(known().film, "a cat")
    again = tmp_path / "copy.mov"
    shutil.copy(known().film, again)
    blind()
    for path in (known().film, again):
        after = Searcher(store=store).search(path, "a cat")
        assert said(after) == said(before) and after.video.video_id == path.stem


@pytest.mark.slice
def test_a_first_and_a_second_search_say_the_same(
    colours: Path, tmp_path: Path, blind: Callable[[], None]
) -> None:
    first = Searcher("colours", store=tmp_path / "store").search(colours, "green")
    blind()
    second = Searcher("colours", store=tmp_path / "store").search(colours, "green")
    assert first.to_json() == second.to_json()
    np.testing.assert_array_equal(first.relevance, second.relevance)


@pytest.mark.slice
@pytest.mark.parametrize("what", ["content", "extractor", "version", "rate"])
def test_what_makes_other_features_makes_another_record(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    searcher = Searcher("colours", store=tmp_path / "store")
    first = searcher.library.record(colours)
    match what:
        case "content":
            coloured(colours, order="blue green red")
        case "extractor":
            monkeypatch.setattr(Colours, "id", "tints")
        case "version":
            monkeypatch.setattr(Colours, "version", "2")
        case "rate":
            monkeypatch.setattr("slta.search.zero_shot.RATE_HZ", 4.0)
    second = Searcher("colours", store=tmp_path / "store").library.record(colours)
    assert second.folder != first.folder and first.folder.exists()
    lengths = len(first.arrays["times_s"]), len(second.arrays["times_s"])
    assert lengths == ((12, 24) if what == "rate" else (12, 12))


def _follow(line: str) -> Path:
    """Removes the folder that a line says to remove."""
    match = re.search(r"; remove the folder (\S+) to have ", line)
    assert match is not None
    shutil.rmtree(match[1])
    return Path(match[1])


@dataclass(frozen=True)
class Trap:
    """Writes a file when it is unpickled."""

    path: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sprung")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _objects(path: Path) -> None:
    trap: Any = np.array([Trap(path.with_name("sprung"))] * 12, object)
    np.save(path, trap, allow_pickle=True)


def _pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap(path.with_name("sprung"))))


def _zipped(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, regions=np.zeros((12, 1, 3), np.float16))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _facts(path: Path, **changed: Any) -> None:
    facts = json.loads(path.read_text()) | changed
    kept = {name: value for name, value in facts.items() if value is not None}
    path.write_text(json.dumps(kept))


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "an array cut short": ("regions.npy", _cut),
    "an empty array": ("regions.npy", lambda path: path.write_bytes(b"")),
    "an array of zeros": ("regions.npy", lambda path: path.write_bytes(bytes(512))),
    "no array": ("regions.npy", Path.unlink),
    "an array of objects": ("regions.npy", _objects),
    "a pickle": ("regions.npy", _pickled),
    "a zip of arrays": ("regions.npy", _zipped),
    "another shape": ("regions.npy", lambda path: np.save(path, np.zeros((12, 3)))),
    "a folder": ("regions.npy", _folder),
    "no facts": ("record.json", Path.unlink),
    "empty facts": ("record.json", lambda path: path.write_text("")),
    "facts cut short": ("record.json", _cut),
    "facts that are no text": ("record.json", lambda path: path.write_bytes(b"\xff")),
    "a list for facts": ("record.json", lambda path: path.write_text("[]")),
    "facts of nothing": ("record.json", lambda path: path.write_text("{}")),
    "no arrays": ("record.json", lambda path: _facts(path, arrays={})),
    "arrays in a list": ("record.json", lambda path: _facts(path, arrays=["a"])),
    "facts without the video": ("record.json", lambda path: _facts(path, video=None)),
    "a video of no length": (
        "record.json",
        lambda path: _facts(path, video={"duration_s": 0.0, "width": 9, "height": 9}),
    ),
}


@pytest.mark.slice
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_told_in_a_line_whose_remedy_works(
    capsys: pytest.CaptureFixture[str], colours: Path, tmp_path: Path, damage: str
) -> None:
    options = ("--extractor", "colours", "--store", tmp_path / "store", "--json")
    before = call(capsys, "search", colours, "green", *options)
    (folder,) = (tmp_path / "store" / "videos").glob("*/colours@1-2hz")
    file, harm = DAMAGES[damage]
    harm(folder / file)
    line = refused(call(capsys, "search", colours, "green", *options))
    assert not list(folder.glob("sprung"))
    assert _follow(line) == folder
    assert call(capsys, "search", colours, "green", *options) == before


@pytest.mark.slice
@pytest.mark.parametrize(
    "damage", ["an array cut short", "facts cut short", "no arrays"]
)
@pytest.mark.parametrize("kind", ["*/*/background-*", "unrelated/*"])
def test_damage_to_what_was_computed_is_told_in_a_line_whose_remedy_works(
    capsys: pytest.CaptureFixture[str],
    colours: Path,
    tmp_path: Path,
    kind: str,
    damage: str,
) -> None:
    options = ("--extractor", "colours", "--store", tmp_path / "store", "--json")
    before = call(capsys, "search", colours, "green", *options)
    (folder,) = (tmp_path / "store" / "videos").glob(kind)
    file, harm = DAMAGES[damage]
    harm(min(folder.glob(f"*{Path(file).suffix}")))
    if kind == "unrelated/*":
        for path in folder.parents[1].glob("*/*/background-*"):
            shutil.rmtree(path)
    line = refused(call(capsys, "search", colours, "green", *options))
    assert _follow(line) == folder
    assert call(capsys, "search", colours, "green", *options) == before


@pytest.mark.slice
@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize(
    "name", ["frames", "regions", "frame_meanings", "region_meanings"]
)
def test_features_that_are_no_numbers_are_told_in_a_line_whose_remedy_works(
    capsys: pytest.CaptureFixture[str],
    colours: Path,
    tmp_path: Path,
    name: str,
    background: bool,
) -> None:
    options = ("--extractor", "colours", "--store", tmp_path / "store", "--json")
    before = call(capsys, "search", colours, "green", *options)
    (folder,) = (tmp_path / "store" / "videos").glob("*/colours@1-2hz")
    if not background:
        for path in folder.glob("background-*"):
            shutil.rmtree(path)
    values: Float16[np.ndarray, ...] = np.load(folder / f"{name}.npy", mmap_mode="r+")
    values[5] = np.nan
    del values
    line = refused(call(capsys, "search", colours, "green", *options), "not finite")
    _follow(line)
    assert call(capsys, "search", colours, "green", *options) == before


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Programs that are started hear Ctrl-C, even if this one was told not to."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def looking(store: Path, video: Path, processes: int) -> "list[subprocess.Popen[str]]":
    """So many commands, all with some features of the film on disk and more to come."""
    top = record(store, video).parent
    running = []
    for _ in range(processes):
        process = subprocess.Popen(
            command("search", video, "a cat", "--store", store),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun = f".unfinished-*-{process.pid}-*/regions.npy"
        while not any(path.stat().st_size > HEADER for path in top.glob(begun)):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        # It waits for the others.
        process.send_signal(signal.SIGSTOP)
        running.append(process)
    for process in running:
        process.send_signal(signal.SIGCONT)
    return running


@pytest.mark.slice
def test_a_killed_search_leaves_no_record_and_the_next_one_sweeps_up(
    tmp_path: Path,
) -> None:
    store = known().copy(tmp_path / "store", without=known().long)
    (process,) = looking(store, known().long, 1)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not record(store, known().long).exists()
    left = records(store) - records(known().store)
    assert any("unfinished" in name for name in left)
    done = run("search", known().long, "a cat", "--store", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert records(store) == records(known().store)


@pytest.mark.slice
@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_search_says_so_and_leaves_only_what_was_there(
    tmp_path: Path,
) -> None:
    store = known().copy(tmp_path / "store", without=known().long)
    before = records(store)
    (process,) = looking(store, known().long, 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err == "slta: interrupted; what was finished is kept\n"
    assert records(store) == before
    record_of_film = record(store, known().film)
    assert Record(record_of_film, "").arrays["regions"].shape == (17, 9, 1280)


@pytest.mark.slice
def test_two_searches_at_once_both_answer_and_leave_one_record(tmp_path: Path) -> None:
    store = known().copy(tmp_path / "store", without=known().long)
    processes = looking(store, known().long, 2)
    answers = {process.communicate() for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    ((out, err),) = answers
    assert '"a cat"' in out and err == ""
    assert records(store) == records(known().store)


@pytest.mark.slice
def test_a_full_disk_is_told_and_harms_nothing(tmp_path: Path) -> None:
    store = known().copy(tmp_path / "store", without=known().long)
    before = records(store)
    done = limited(10**6, "search", known().long, "a cat", "--store", store)
    refused(
        done,
        f"^slta: the store {store} cannot be written",
        "make room there, or choose another folder with --store$",
    )
    assert records(store) == before


@pytest.mark.slice
def test_a_known_film_is_searched_even_if_nothing_can_be_written(
    tmp_path: Path,
) -> None:
    renamed = tmp_path / "other name.mp4"
    shutil.copy(known().film, renamed)
    store = known().copy(tmp_path / "store")
    done = limited(0, "search", renamed, "a cat", "--store", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert records(store) == records(known().store)
