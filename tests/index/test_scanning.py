"""Which files of a folder are its videos."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from slta import InputError
from slta.index.scanning import scan


def put(path: Path, data: bytes = b"x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_videos_are_found_below_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("a.mp4", "b/c/d.MKV", "b/e.webm", "notes.txt", "b/film"):
        put(tmp_path / name)
    for name in (".a.mp4", "b/.trash/x.mp4", "~$x.mp4", "._a.mp4"):
        put(tmp_path / name)
    found = scan(tmp_path)
    assert set(found.files) == {"a.mp4", "b/c/d.MKV", "b/e.webm"}
    assert found.unreadable == {}
    assert found.files["a.mp4"].size == 1


def test_typescript_is_no_transport_stream(tmp_path: Path) -> None:
    put(tmp_path / "film.ts", b"\x47@\x00")
    put(tmp_path / "code.ts", b"import x from 'y'")
    put(tmp_path / "empty.ts", b"")
    assert set(scan(tmp_path).files) == {"film.ts"}


@pytest.mark.parametrize("target", [".", "..", "../films", "sub", "sub/../.", "/"])
def test_links_that_lead_back_or_out_and_up_add_nothing(
    tmp_path: Path, target: str
) -> None:
    root = tmp_path / "films"
    put(root / "sub" / "a.mp4")
    put(tmp_path / "outside.mp4")
    (root / "sub" / "link").symlink_to(target if target != "sub" else root / "sub")
    (root / "zz").symlink_to(root)
    assert set(scan(root).files) == {"sub/a.mp4"}


def test_linked_folders_and_files_are_found_once(tmp_path: Path) -> None:
    root = tmp_path / "films"
    put(root / "a.mp4")
    put(tmp_path / "disk" / "b.mp4")
    (root / "one").symlink_to(tmp_path / "disk")
    (root / "two").symlink_to(tmp_path / "disk")
    (root / "link.mp4").symlink_to(root / "a.mp4")
    assert set(scan(root).files) == {"a.mp4", "link.mp4", "one/b.mp4"}


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    put(tmp_path / "a.mp4")
    (tmp_path / "broken.mp4").symlink_to("nothing.mp4")
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "itself.mp4").symlink_to("itself.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s.mp4")[:100])
    found = scan(tmp_path)
    assert set(found.files) == {"a.mp4"}
    assert set(found.unreadable) == {"itself.mp4"}


def test_unreadable_folders_and_files_are_listed_and_hide_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.mp4", "locked/b.mp4", "locked/in/c.mp4", "mine.mp4"):
        put(tmp_path / name)
    usual, access = os.scandir, os.access

    def scandir(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return usual(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(
        os, "access", lambda p, m: Path(p).name != "mine.mp4" and access(p, m)
    )
    found = scan(tmp_path)
    assert set(found.files) == {"a.mp4"}
    assert found.unreadable == {
        "locked": "Permission denied",
        "mine.mp4": "Permission denied",
    }
    assert found.hides("locked/in/c.mp4") and found.hides("mine.mp4")
    assert not found.hides("locked.mp4") and not found.hides("a.mp4")


def fails(error: OSError) -> Callable[..., object]:
    def scandir(*_: object) -> object:
        raise error

    return scandir


def test_a_root_that_is_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a.mp4")
    for path, says in {
        tmp_path / "missing": "does not exist; give",
        tmp_path / "a.mp4": "is a file; give",
        tmp_path / "a.mp4" / "b": "does not exist; give",
        tmp_path / ("x" * 300): r"cannot be read \(File name too long\)",
    }.items():
        with pytest.raises(InputError, match=says):
            scan(path)
    error = OSError(5, "Input/output error")
    monkeypatch.setattr(os, "scandir", fails(error))
    with pytest.raises(InputError, match=r"cannot be read \(Input/output error\)"):
        scan(tmp_path)


def test_a_file_removed_meanwhile_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a.mp4")
    put(tmp_path / "b.ts", b"\x47")
    usual = os.access

    def access(path: Path, mode: int) -> bool:
        (tmp_path / "b.ts").unlink(missing_ok=True)
        return usual(path, mode) or path.suffix == ".ts"

    monkeypatch.setattr(os, "access", access)
    found = scan(tmp_path)
    assert (set(found.files), found.unreadable) == ({"a.mp4"}, {})
