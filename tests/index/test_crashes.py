"""A process that dies at any moment, or a disk that fills up, loses and doubles nothing."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slta.errors import InputError, UnwritableError
from slta.index.interrupts import uninterrupted
from slta.index.library import Index
from slta.index.place import Place
from slta.index.tables import Tables
from tests.support.killing import kill_often
from tests.support.libraries import (
    NAMES,
    Counted,
    Deadly,
    Died,
    Library,
    facts,
    unfinished,
)


def commit_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slta.index.adding.COMMIT_S", -1.0)
    monkeypatch.setattr("slta.index.adding.SHOWN", 0)


def deaths(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    begin: Callable[[], object],
    act: Callable[[Index], object],
) -> tuple[list[dict[str, Any]], dict[str, Any], int]:
    """What is left in the end of an index whose process died before each of its steps, what
    is left without a death, and the number of steps."""
    begin()
    with monkeypatch.context() as patch:
        commit_each(patch)
        alive = Deadly(patch)
        act(library.open())
    steps, expected = alive.steps, facts(library.open())
    left = []
    for step in range(steps):
        begin()
        with monkeypatch.context() as patch:
            commit_each(patch)
            Deadly(patch, at=step)
            with pytest.raises(Died):
                act(library.open())
        # What a search makes of what the process left.
        index = library.open()
        if index.exists:
            snapshot = index.snapshot()
            assert snapshot.is_whole
            if snapshot.there:
                assert index.search("red").videos <= len(snapshot.videos)
        act(library.open())
        index = library.open()
        assert index.verify().faults == ()
        left.append(facts(index))
        names = {path.name for path in (library.place / "features").iterdir()}
        assert names == {f"{video}.slta" for video in left[-1]["videos"]}
    return left, expected, steps


def test_a_death_while_indexing_loses_and_doubles_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.fill(2)
    library.put("copy.mp4", 0)
    (library.folder / "bad.mp4").touch()

    def begin() -> None:
        shutil.rmtree(library.place, ignore_errors=True)

    left, expected, steps = deaths(library, monkeypatch, begin, Index.add)
    assert steps >= 10
    assert all(each == expected for each in left)


def test_a_death_while_files_change_and_go_loses_and_doubles_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin() -> None:
        shutil.rmtree(library.place, ignore_errors=True)
        shutil.rmtree(library.folder)
        library.added(2)
        (library.folder / NAMES[0]).unlink()
        library.put("new.mp4", 3)
        (library.folder / NAMES[1]).rename(library.folder / "moved.mp4")

    left, expected, steps = deaths(library, monkeypatch, begin, Index.prune)
    assert steps >= 10
    assert all(each == expected for each in left)


def test_a_real_kill_at_random_moments_loses_and_doubles_nothing(
    library: Library, tmp_path: Path
) -> None:
    report = kill_often(tmp_path / "killed", kills=4, films=4, seed=1)
    assert report["kills"] == 4
    assert (report["lost"], report["doubled"], report["faults"]) == (0, 0, 0)
    assert report["same_answers"] and report["tracebacks"] == 0


def test_what_could_not_be_written_is_not_written_twice(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.fill(2)
    usual, failed = Tables._merge, list[str]()

    def merge(self: Tables, name: str, *rest: Any) -> None:
        if not failed:
            failed.append(name)
            raise RuntimeError("lance error: IO: No space left on device (os error 28)")
        usual(self, name, *rest)

    monkeypatch.setattr(Tables, "_merge", merge)
    with pytest.raises(UnwritableError, match=r"No space left on device.; make room"):
        library.open().add()
    assert failed == ["videos"]
    index = library.open()
    index.add()
    assert index.verify().faults == ()
    assert len(index.snapshot().videos) == 2


@pytest.mark.parametrize("name", ["features/a", "bases.safetensors", "snapshot"])
def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place = Place(tmp_path)
    place.write(name, b"whole")

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:2])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnwritableError, match=r"cannot be written .No space left"):
        place.write(name, b"other")
    assert bytes(place.read(name)) == b"whole"
    assert unfinished(tmp_path) == []


def test_ctrl_c_waits_for_a_write_to_end(library: Library) -> None:
    library.fill(2)
    usual, interrupted = Tables._merge, list[str]()

    def merge(self: Tables, name: str, *rest: Any) -> None:
        if not interrupted:
            interrupted.append(name)
            os.kill(os.getpid(), signal.SIGINT)
        usual(self, name, *rest)

    with pytest.MonkeyPatch.context() as patch:
        commit_each(patch)
        patch.setattr(Tables, "_merge", merge)
        index, counted = library.open(), Counted()
        with pytest.raises(KeyboardInterrupt):
            index.add(looks=counted.on(index))
    assert interrupted and counted.jobs.total() == 1
    assert len(index.snapshot().there) == 1
    assert library.open().add().videos == 1
    assert index.verify().faults == ()


def test_signals_wait_only_as_long_as_they_must() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    done = list[int]()
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append(1)
    assert done == [1]
    with pytest.raises(InputError), uninterrupted():
        raise InputError("an error passes")
    assert before == (
        signal.getsignal(signal.SIGINT),
        signal.getsignal(signal.SIGTERM),
    )
