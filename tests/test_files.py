import os
import platform
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slta.files import home, whole_folder, write_whole

FILL = """
import sys, time
from pathlib import Path
from slta.files import whole_folder
with whole_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("written")
    print("filling", flush=True)
    time.sleep(60)
"""


WRITE = """
import sys
from pathlib import Path
from slta.files import write_whole
write_whole(Path(sys.argv[1]), "\\u00e9\\u4e00")
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def filling(target: Path) -> "subprocess.Popen[str]":
    """Another process in the middle of filling a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", FILL, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "filling\n"
    process.stdout.close()
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_the_home_is_named_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLTA_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / "own"
    monkeypatch.setenv("SLTA_HOME", "")
    assert home() == tmp_path / "cache" / "slta"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert home() == tmp_path / ".cache" / "slta"


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "made"
    with whole_folder(target) as folder:
        (folder / "a").write_text("all of it")
        assert not target.exists()
    assert names(tmp_path / "deep") == {"made"} and names(target) == {"a"}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, ValueError, OSError])
def test_nothing_stays_of_a_folder_that_fails(
    tmp_path: Path, stop: type[BaseException]
) -> None:
    with pytest.raises(stop), whole_folder(tmp_path / "made") as folder:
        (folder / "a").write_text("half of it")
        raise stop
    assert names(tmp_path) == set()


def test_the_folder_of_a_faster_process_stays(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with whole_folder(target) as slow:
        (slow / "a").write_text("slow")
        with whole_folder(target) as fast:
            (fast / "a").write_text("fast")
    assert names(tmp_path) == {"made"} and (target / "a").read_text() == "fast"


def test_a_file_in_the_way_of_a_folder_is_an_error_and_stays(tmp_path: Path) -> None:
    target = tmp_path / "made"
    target.write_text("precious")
    with pytest.raises(OSError), whole_folder(target) as folder:
        (folder / "a").write_text("new")
    assert names(tmp_path) == {"made"} and target.read_text() == "precious"


def test_who_may_read_a_folder_is_left_to_the_umask(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    with whole_folder(tmp_path / "made"):
        pass
    usual, made = (
        stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "made")
    )
    assert made == usual


def test_what_a_killed_process_left_is_swept_and_what_a_live_one_fills_is_not(
    tmp_path: Path,
) -> None:
    dead, live = filling(tmp_path / "one"), filling(tmp_path / "two")
    kill(dead)
    unfinished = {path.name: path for path in tmp_path.iterdir()}
    assert len(unfinished) == 2
    with whole_folder(tmp_path / "three"):
        pass
    (kept,) = names(tmp_path) - {"three"}
    assert (unfinished[kept] / "half").read_text() == "written"
    kill(live)
    write_whole(tmp_path / "four", "")
    assert names(tmp_path) == {"three", "four"}


def test_what_another_machine_fills_is_swept_only_after_a_day(tmp_path: Path) -> None:
    process = filling(tmp_path / "made")
    kill(process)
    (folder,) = tmp_path.iterdir()
    assert platform.node() in folder.name
    elsewhere = folder.rename(
        tmp_path / folder.name.replace(platform.node(), "far-away")
    )
    write_whole(tmp_path / "a", "")
    assert names(tmp_path) == {"a", elsewhere.name}
    yesterday = time.time() - 25 * 60 * 60
    os.utime(elsewhere, (yesterday, yesterday))
    write_whole(tmp_path / "b", "")
    assert names(tmp_path) == {"a", "b"}


def test_what_only_looks_unfinished_is_not_touched(tmp_path: Path) -> None:
    foreign = {".unfinished-", ".unfinished-book", ".unfinished-x-y-z"}
    for name in foreign:
        (tmp_path / name).mkdir()
    write_whole(tmp_path / "a", "")
    assert names(tmp_path) == {"a", *foreign}


def test_a_file_is_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "deep" / "facts.json"
    write_whole(target, "old")
    write_whole(target, "new")
    assert target.read_text() == "new"

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(Path, "replace", fail)
        write_whole(target, "newer")
    assert target.read_text() == "new" and names(target.parent) == {"facts.json"}


def test_many_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    target = tmp_path / "facts.json"
    texts = [f"{i} " * 10_000 for i in range(100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_whole(target, text), texts))
    assert target.read_text() in texts and names(tmp_path) == {"facts.json"}


def test_what_is_written_does_not_depend_on_the_language(tmp_path: Path) -> None:
    plain = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    words = [sys.executable, "-c", WRITE, str(tmp_path / "text")]
    subprocess.run(words, check=True, env=plain)
    assert (tmp_path / "text").read_bytes() == "\u00e9\u4e00".encode()
