"""``slta serve``, as a command."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from slta.index.library import Index
from slta.serve.running import Address, token_for
from tests.support.commands import call, refused
from tests.support.indexed_films import known


def test_it_says_where_the_page_is_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    films = known()
    store = films.copy(tmp_path / "store")
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / films.film.name).write_bytes(films.film.read_bytes())
    words = ["serve", str(folder), "--index", str(tmp_path / "index"), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "slta.cli", *words, "--store", str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        match = re.search(r"at (http://127\.0\.0\.1:\d+/)", line)
        assert match, line
        # It answers at once, and indexes meanwhile.
        library = httpx.get(match[1] + "api/library", timeout=60)
        assert library.status_code == 200
        assert "indexed 1 video, 0.00 h" in process.stderr.readline()
        (job,) = httpx.get(match[1] + "api/jobs").json()
        assert (job["state"], job["videos"], job["folder"]) == ("done", 1, "")
        found = httpx.get(match[1] + "api/search?q=a cat", timeout=60).json()
        assert found["clear_match"] and found["moments"][0]["file"] == films.film.name
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130)
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_while_it_indexes_keeps_what_is_finished(tmp_path: Path) -> None:
    films = known()
    store = films.copy(tmp_path / "store", without=films.long)
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(40):
        made = films.long.read_bytes() + bytes(number)
        (folder / f"{number}.mp4").write_bytes(made)
    words = ["serve", str(folder), "--index", str(tmp_path / "index"), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "slta.cli", *words, "--store", str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        page = process.stdout.readline().split(" at ")[1].split()[0]
        start = time.monotonic()
        while not httpx.get(f"{page}api/jobs").json()[0]["done_s"]:
            assert time.monotonic() - start < 60
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert "Traceback" not in err and "report it" not in err, err
    finally:
        process.kill()
        process.communicate()
    index = Index.open(folder, place=tmp_path / "index", store=store)
    assert 0 < len(index.snapshot().videos) < 40
    assert index.verify().faults == ()


def test_wrong_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    place = str(tmp_path / "index")
    for words, part in (
        ([str(tmp_path / "nowhere")], "nowhere"),
        ([str(tmp_path / "empty")], "no video"),
        ([str(tmp_path / "empty"), "--as-is"], "has no index yet"),
        ([str(tmp_path / "empty"), "--token", "short"], "at least 16 letters"),
        ([str(tmp_path / "empty"), "--largest-upload", "0"], "no size in GB"),
    ):
        refused(call(capsys, "serve", *words, "--index", place), part)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_other_machines_need_a_token(host: str) -> None:
    token = token_for(Address(host, 80), None)
    assert token is not None and len(token) >= 32
    assert token != token_for(Address(host, 80), None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_none(host: str) -> None:
    assert token_for(Address(host, 80), None) is None
