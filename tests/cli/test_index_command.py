"""``slta index`` and ``slta search`` of a folder: what is printed, and what is refused."""

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slta.cli import library as commands
from slta.features import EXTRACTORS, Kind
from slta.index import adding, looking
from slta.index.library import Index
from tests.support.colour_command import colour_command
from tests.support.commands import Called, call, refused
from tests.support.extractors import Colours
from tests.support.libraries import NAMES, Library, films
from tests.support.once import made_once

ROOT = Path(__file__).resolve().parents[2]
Ask = Callable[..., Called]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    films()
    (tmp_path / "films").mkdir()
    monkeypatch.chdir(tmp_path)
    store = made_once("colours-store", lambda _: None)
    return Library(tmp_path / "films", tmp_path / "index", store)


def options(library: Library) -> list[object]:
    return [
        *("--extractor", "colours", "--store", library.store),
        *("--index", library.place),
    ]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], library: Library) -> Ask:
    def ask(*arguments: object) -> Called:
        given = [*map(str, arguments)]
        pairs = zip(*[iter(options(library))] * 2, strict=True)
        more = [word for pair in pairs if pair[0] not in given for word in pair]
        return call(capsys, *arguments, *more)

    return ask


def beside(library: Library, *arguments: object, before: str = "") -> Any:
    """The command in a process of its own, after ``before`` in a shell."""
    words = colour_command(*arguments, *options(library))
    return subprocess.run(
        ["bash", "-c", f'{before} exec "$@"', "bash", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )


def test_a_folder_is_indexed_searched_and_kept_up(ask: Ask, library: Library) -> None:
    library.fill(2)
    library.put("copy.mp4", 0)
    (library.folder / "bad.mp4").write_text("no film")
    first = ask("index", "films")
    assert first.code == 0 and first.out.startswith("2 videos, 0.00 h; search them: ")
    assert re.search("indexed 2 videos, .*\n1 file of known content\n", first.err)
    assert re.search(r"1 file not usable:\n  .*/bad.mp4 is not a video", first.err)
    again = ask("index", "films")
    assert (again.code, again.err) == (0, "")
    found = ask("search", "films", "red", "--top", 1, "--json")
    answer = json.loads(found.out)
    assert (answer["videos"], len(answer["moments"])) == (2, 1)
    table = ask("search", "films", "red").out
    assert "no clear match in 2 videos" in table and NAMES[1] in table
    assert "copy.mp4 (and 1 more)" in table
    (library.folder / NAMES[1]).unlink()
    assert "1 file gone; 'slta index prune" in ask("index", "films").err
    status = ask("index", "status", "films")
    assert re.search("gone +1 file\n", status.out)
    assert re.search(r"not usable +.*/bad.mp4 is not a video", status.out)
    assert ask("index", "prune", "films").out == "removed 1 file and 1 video\n"
    whole = ask("index", "verify", "films")
    assert (whole.code, whole.out) == (0, "compared 1 video\nall whole, each once\n")


def test_verify_tells_by_its_exit_status(ask: Ask, library: Library) -> None:
    index = library.added(2)
    (library.place / index.snapshot().videos[0].file).unlink()
    wrong = ask("index", "verify", "films")
    assert wrong.code == 1 and "are missing" in wrong.out
    assert "1 video to be looked at again: slta index" in wrong.out
    assert ask("index", "verify", "films").code == 0
    assert "2 videos" in ask("index", "films").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["index"], "no folder given; give it: slta index FOLDER"),
        (["index", ""], "no folder given"),
        (["index", "status"], "no folder given"),
        (["index", "move", "films"], "no new folder given"),
        (["index", "move", "films", ""], "no folder given"),
        (["index", "films", "films"], "unexpected 'films'; give one folder"),
        (["index", "prune", "films", "x"], "unexpected 'x'"),
        (["index", "missing"], "missing does not exist; give a folder of videos"),
        (["index", "films/one.mp4"], "one.mp4 is a file; give a folder of videos"),
        (["index", "empty"], "empty has no videos; give a folder with some"),
        (["index", "text"], "text has no video that can be used; give another folder"),
        (
            ["index", "films", "--keep", "half"],
            "--keep half is not known; give --keep f",
        ),
        (["index", "films", "--index", ""], "--index is empty"),
        (
            ["index", "films", "--index", "films/one.mp4"],
            "index films/one.mp4 cannot be",
        ),
        (["index", "films", "--index", "films"], "is the folder of the videos"),
        (["index", "films", "--index", "nowhere://x"], "nowhere://x cannot be opened"),
        (["index", "films", "--extractor", "none"], "none"),
        (["index", "status", "films"], "films has no index yet; make it with"),
        (["index", "verify", "films"], "films has no index yet"),
        (
            ["index", "move", "films", "empty"],
            "films has no index; there is nothing to",
        ),
        (["search", "films"], "no query given; describe in a sentence"),
        (["search", "films", ""], "no query given; describe in a sentence"),
        (
            ["search", "films", "empty", "red"],
            "films is a folder, and empty is there b",
        ),
        (
            ["search", "films", "films/one.mp4", "red"],
            "films is a folder, and films/on",
        ),
        (["search", "films", "red", " "], "empty|no words|query"),
        (["search", "films", "red", "--as-is"], "films has no index yet; make it with"),
        (["search", "films", "red", "--top", "0"], "--top must be at least 1, got 0"),
        (
            ["search", "films", "red", "--per-video", "0"],
            "--per-video must be at least",
        ),
        (["search", "films", "red", "--since", "soon"], "--since 'soon' is not a date"),
        (
            ["search", "films", "red", "--until", "2024-13-01"],
            "--until .* is not a date",
        ),
        (["search", "films", "red", "--longer", "-5"], "--longer"),
        (
            ["search", "films", "red", "--longer", "nan"],
            "--longer 'nan' is not a length",
        ),
        (
            ["search", "films", "red", "--shorter", "1x"],
            "--shorter '1x' is not a length",
        ),
        (
            ["search", "films", "red", "--in", "x/**"],
            "'x/[*][*]' matches none of 1 v",
        ),
        (["search", "films", "red", "--in", ""], "--in is empty"),
        (["search", "films", "red", "--longer", "9h"], "no video satisfies --since"),
        (["search", "films", "red", "--export", "a.doc"], "a.doc"),
        (
            ["search", "films", "red", "--plot", "a.png"],
            "--plot draws an answer in one",
        ),
        (["search", "films/one.mp4", "red", "--as-is"], "--as-is is for a folder"),
        (["search", "empty", "red"], "empty has no videos; give a folder with some"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    ask: Ask, library: Library, arguments: list[str], says: str
) -> None:
    library.put("one.mp4")
    for name in ("empty", "text"):
        (library.folder.parent / name).mkdir()
    (library.folder.parent / "text" / "a.mp4").write_text("no film")
    if any(word in arguments for word in ("x/**", "9h")):
        library.open().add()
    called = ask(*arguments)
    *progress, line = called.err.splitlines()
    refused(Called(called.code, called.out, line + "\n"), says)
    # What was said before is of the files, not of a fault.
    assert all(word.startswith(("indexed", "1 file not", "  ")) for word in progress)


def test_queries_are_read_before_hours_of_video(
    ask: Ask, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.fill(1)
    monkeypatch.setattr(commands, "update", lambda *_, **__: 1 / 0)
    assert ask("search", "films", "red", " \t ").code == 2


def test_names_cannot_command_a_terminal(ask: Ask, library: Library) -> None:
    library.put("\x1b[31mred\nfilm\x07.mp4")
    (library.folder / "\x1b]0;bad\x07.mp4").touch()
    (library.folder / os.fsdecode(b"\xff.mp4")).touch()
    for arguments in (["index"], ["index", "status"], ["search"]):
        query = ["red"] if arguments == ["search"] else []
        called = ask(*arguments, "films", *query)
        assert "Traceback" not in called.err
        assert not set(called.out + called.err) & {"\x1b", "\x07"}, arguments
    assert r"\x1b[31mred\nfilm\x07.mp4" in ask("search", "films", "red").out
    moment = json.loads(ask("search", "films", "red", "--json").out)["moments"][0]
    assert moment["path"].endswith("/\x1b[31mred\nfilm\x07.mp4")


def test_a_search_beside_an_update_says_so(
    ask: Ask, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = library.added(1)
    library.put("new.mp4", 2)
    with index.place.locked() as mine:
        assert mine
        busy = ask("search", "films", "red")
        refused(
            ask("index", "films"), "another process updates the index of .*; wait f"
        )
    assert "searching what is indexed so far" in busy.err
    assert "in 1 video" in busy.out
    assert "in 2 videos" in ask("search", "films", "red").out


def test_an_empty_mount_point_is_not_taken_for_deleted_files(
    ask: Ask, library: Library
) -> None:
    library.added(2)
    library.folder.rename("away")
    library.folder.mkdir()
    for verb in ([], ["prune"]):
        line = refused(
            ask("index", *verb, "films"), "no videos now, but 2 were indexed"
        )
        assert "mount its disk" in line and str(library.place) in line
    refused(ask("search", "films", "red"), "no videos now")
    assert "in 2 videos" in ask("search", "films", "red", "--as-is").out
    library.folder.rmdir()
    Path("away").rename(library.folder)
    assert ask("index", "films").err == ""


def test_ctrl_c_keeps_what_was_finished(
    ask: Ask, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.fill(3)
    usual, seen = looking.look_at, list[Path]()

    def look_at(path: Path, *rest: Any, **named: Any) -> Any:
        seen.append(path)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return usual(path, *rest, **named)

    monkeypatch.setattr("slta.index.adding.look_at", look_at)
    stopped = ask("index", "films")
    assert stopped.code == 130 and "what was finished is kept" in stopped.err
    again = ask("index", "films")
    assert re.search("indexed 2 videos", again.err) and len(seen) == 4


UNPRIVILEGED = (
    "exec setpriv --bounding-set=-dac_override,-dac_read_search"
    if not os.geteuid()
    else ""
)


@pytest.mark.slice
def test_what_may_not_be_read_is_said_and_not_forgotten(library: Library) -> None:
    library.put("open.mp4", 0)
    library.put("locked/a.mp4", 1)
    mine = library.put("mine.mp4", 2)
    library.open().add()
    (library.folder / "locked").chmod(0)
    mine.chmod(0)
    before = UNPRIVILEGED.removeprefix("exec ")
    shell = f'set -- {before} "$@";'
    called = beside(library, "index", library.folder, before=shell)
    assert called.returncode == 0 and "Traceback" not in called.stderr
    assert "3 videos" in called.stdout and "gone" not in called.stderr
    for name in ("locked", "mine.mp4"):
        assert f"{library.folder / name}: Permission denied" in called.stderr
    library.folder.chmod(0)
    refused(
        beside(library, "index", library.folder, before=shell),
        r"films cannot be read \(Permission denied\); allow access to it",
    )
    library.folder.chmod(0o755)
    library.place.chmod(0)
    refused(
        beside(library, "search", library.folder, "red", before=shell),
        r"index cannot be read \(Permission denied\); allow access",
    )
    library.place.chmod(0o555)
    library.put("new.mp4", 4)
    said = beside(library, "search", library.folder, "red", before=shell)
    assert said.returncode == 1 and "searching what is indexed so far" in said.stderr
    library.place.chmod(0o755)


@pytest.mark.slice
def test_a_full_disk_is_said_and_nothing_is_lost(library: Library) -> None:
    library.fill(1)
    library.open().add()
    for number in range(12):
        path = library.put(f"{number}.mp4", 1)
        path.write_bytes(path.read_bytes() + bytes([number]))
    # No file may be larger than so many KB: as if the disk were full.
    full = beside(library, "index", library.folder, before="ulimit -f 9;")
    line = refused(
        full, r"the index .* cannot be written \(File too large\); make room"
    )
    assert "--index" in line
    index = library.open()
    assert index.search("red").videos >= 1
    index.add()
    assert index.verify().faults == ()
    assert len(index.snapshot().videos) == 13


@pytest.mark.slice
def test_watch_follows_the_folder_until_ctrl_c(library: Library) -> None:
    library.fill(1)
    library.open().add()
    words = colour_command("index", "watch", library.folder, *options(library))
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, bufsize=0
    ) as process:

        def wait(for_text: str) -> str:
            text, end = "", time.monotonic() + 60
            while for_text not in text:
                if time.monotonic() > end or process.poll() is not None:
                    process.kill()
                    raise AssertionError(text)
                assert process.stdout is not None
                if select.select([process.stdout], [], [], 1)[0]:
                    text += process.stdout.readline().decode()
            return text

        wait("following")
        library.put("deep/new.mp4", 3)
        wait("indexed 1 video")
        (library.folder / "bad.mp4").write_text("no film")
        wait("is not a video")
        (library.folder / "deep").rename(library.folder / "moved")
        assert "of known content" in wait("gone")
        process.send_signal(signal.SIGINT)
        wait("interrupted")
        assert process.wait(30) == 130
    assert {file.path for file in library.open().snapshot().there} == {
        NAMES[0],
        "moved/new.mp4",
    }


def test_index_moves_with_its_folder(
    capsys: pytest.CaptureFixture[str], library: Library, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SLTA_HOME", str(library.folder.parent / "home"))
    named = ["--extractor", "colours", "--store", library.store]
    library.fill(1)
    assert call(capsys, "index", "films", *named).code == 0
    library.folder.rename("new")
    refused(call(capsys, "index", "films", *named), "films does not exist")
    moved = call(capsys, "index", "move", "films", "new", *named)
    assert (moved.code, moved.err) == (0, "") and moved.out.endswith("/new\n")
    monkeypatch.setattr(Index, "add", lambda *_, **__: adding.Added())
    assert "in 1 video" in call(capsys, "search", "new", "red", *named).out
