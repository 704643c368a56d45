"""Uploads: in parts, over cut connections and killed servers, without a byte lost or
doubled, and never over a file that is there."""

import base64
import errno
import os
import random
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from slta.serve import uploads as served
from slta.serve.jobs import Jobs
from slta.serve.uploads import FOLDER, UploadError, Uploads, named, numbered
from tests.support.colour_indexing import COMMAND
from tests.support.libraries import NAMES, Library, films, paths
from tests.support.servers import serving

ROOT = Path(__file__).resolve().parents[2]
OFFSET = {"content-type": "application/offset+octet-stream"}


@pytest.fixture
def address(library: Library) -> Iterator[str]:
    library.fill(1)
    index = library.open()
    index.begin()
    jobs = Jobs(index, command=COMMAND)
    with serving(index, jobs, Uploads(index.root, 1 << 30)) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def announced(name: str, length: int | str) -> dict[str, str]:
    text = base64.b64encode(name.encode(errors="surrogateescape")).decode()
    return {"upload-length": str(length), "upload-metadata": f"filename {text},x"}


def created(client: httpx.Client, name: str, length: int) -> str:
    answer = client.post("/api/uploads", headers=announced(name, length))
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["location"]
    return location


def sent(client: httpx.Client, at: str, offset: int, data: Any) -> httpx.Response:
    headers = {**OFFSET, "upload-offset": str(offset)}
    return client.patch(at, headers=headers, content=data)


def offset(client: httpx.Client, at: str) -> int:
    return int(client.head(at).headers["upload-offset"])


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    sentence: str = answer.json()["error"]
    assert len(sentence) > 10 and "\n" not in sentence
    return sentence


def test_a_film_arrives_in_parts_and_is_indexed(
    client: httpx.Client, library: Library
) -> None:
    data = (films() / NAMES[3]).read_bytes()
    at = created(client, "trip é.mp4", len(data))
    half = len(data) // 2
    first = sent(client, at, 0, data[:half])
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(half))
    assert "x-file" not in first.headers and not (library.folder / FOLDER).exists()
    asked = client.head(at)
    assert asked.headers["upload-offset"] == str(half)
    assert asked.headers["upload-length"] == str(len(data))
    assert asked.headers["cache-control"] == "no-store"
    last = sent(client, at, half, data[half:])
    assert last.status_code == 204
    assert unquote(last.headers["x-file"]) == "uploads/trip é.mp4"
    assert (library.folder / FOLDER / "trip é.mp4").read_bytes() == data
    start = time.monotonic()
    while (job := client.get("/api/jobs").json()[0])["state"] in ("waiting", "running"):
        assert time.monotonic() - start < 60
        time.sleep(0.1)
    assert job["id"] == last.headers["x-job"] and job["videos"] == 1
    assert paths(library.open().snapshot()) == {"uploads/trip é.mp4"}
    # Whoever did not get the last answer asks, and learns the same.
    again = client.head(at)
    assert again.headers["x-file"] == last.headers["x-file"]
    assert again.headers["upload-offset"] == str(len(data))
    assert client.delete(at).status_code == 204
    assert client.head(at).status_code == 404
    assert (library.folder / FOLDER / "trip é.mp4").exists()


def test_the_server_says_what_it_speaks(client: httpx.Client) -> None:
    answer = client.options("/api/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,termination"
    assert answer.headers["tus-max-size"] == str(1 << 30)
    old = client.post("/api/uploads", headers={"tus-resumable": "0.2.2"})
    assert "1.0.0" in refused(old, 412) and old.headers["tus-version"] == "1.0.0"


def test_nothing_that_is_there_is_overwritten(
    client: httpx.Client, library: Library
) -> None:
    (library.folder / FOLDER).mkdir()
    (library.folder / FOLDER / "a.mp4").write_text("precious")
    (library.folder / FOLDER / "a-2.mp4").symlink_to(library.folder / "elsewhere")
    names = []
    for number in range(2):
        at = created(client, "a.mp4", 3)
        names.append(sent(client, at, 0, bytes([number] * 3)).headers["x-file"])
    assert names == ["uploads/a-3.mp4", "uploads/a-4.mp4"]
    assert (library.folder / FOLDER / "a.mp4").read_text() == "precious"
    assert not (library.folder / "elsewhere").exists()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/film.mp4", "film.mp4"),
        ("C:\\films\\film.mp4", "film.mp4"),
        ("/abs/film.MKV", "film.MKV"),
        (".hidden.mp4", "hidden.mp4"),
        ("~$x.mp4", "x.mp4"),
        ("a\0b\n\x1b[31m\u202e.mp4", "ab[31m.mp4"),
        ("cafe\u0301.mp4", "caf\u00e9.mp4"),
        (" .mp4", None),
        ("film.", None),
        ("", None),
        ("film.exe", None),
        ("film.mp4/", None),
        ("film.mp4.html", None),
        ("..", None),
    ],
)
def test_a_file_gets_a_name_of_its_own(given: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(
            UploadError, match=r"no video by its name; send .*\.mp4"
        ) as e:
            named(given)
        assert e.value.status == 415
    else:
        assert named(given) == name


def test_a_long_name_fits_also_with_a_number() -> None:
    name = named("日" * 300 + ".mp4")
    several = [each for each, _ in zip(numbered(name), range(3), strict=False)]
    assert len({*several}) == 3
    assert all(len(os.fsencode(each)) <= 255 for each in several)


@pytest.mark.parametrize(
    ("headers", "status", "part"),
    [
        ({}, 400, "upload-length is ''"),
        (announced("a.mp4", "-1"), 400, "'-1'"),
        (announced("a.mp4", "1" * 5000), 400, "upload-length"),
        (announced("a.mp4", "1e3"), 400, "'1e3'"),
        (announced("a.mp4", 0), 400, "empty"),
        (announced("a.mp4", (1 << 30) + 1), 413, "--largest-upload"),
        (announced("a.exe", 5), 415, ".mp4"),
        (announced("\udcff.mp4", 5), 400, "UTF-8"),
        ({"upload-length": "5"}, 400, "filename"),
        ({"upload-length": "5", "upload-metadata": "filename ???"}, 400, "base64"),
        ({"upload-length": "5", "upload-metadata": ",, ,"}, 400, "filename"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    client: httpx.Client, headers: dict[str, str], status: int, part: str
) -> None:
    assert part in refused(client.post("/api/uploads", headers=headers), status)


def test_wrong_parts_are_refused_and_change_nothing(client: httpx.Client) -> None:
    at = created(client, "a.mp4", 10)
    assert sent(client, at, 0, b"abc").status_code == 204
    assert "3 bytes are there" in refused(sent(client, at, 0, b"abc"), 409)
    refused(sent(client, at, 4, b"abc"), 409)
    refused(sent(client, at, 3, b"x" * 8), 413)
    refused(client.patch(at, headers=OFFSET, content=b"x"), 400)
    refused(client.patch(at, headers={"upload-offset": "3"}, content=b"x"), 415)

    def unannounced() -> Iterator[bytes]:
        for _ in range(20):
            yield b"y"

    refused(sent(client, at, 3, unannounced()), 413)
    assert offset(client, at) == 3
    assert client.delete(at).status_code == 204
    for answer in (sent(client, at, 3, b"x"), client.delete(at)):
        refused(answer, 404)
    for name in ("none", "..%2f..%2fjobs", "a" * 32, "%00"):
        assert client.head(f"/api/uploads/{name}").status_code == 404


def test_two_requests_at_once_double_nothing(client: httpx.Client) -> None:
    at = created(client, "a.mp4", 6)
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"ab"
        begun.set()
        go_on.wait()
        yield b"c"

    def send() -> None:
        answers.append(sent(client, at, 0, slowly()))

    answers = list[httpx.Response]()
    thread = threading.Thread(target=send)
    thread.start()
    begun.wait()
    time.sleep(0.2)
    # Also a large one, which is refused before it was read.
    for data in (b"xyz", b"xyz" + bytes(3)):
        assert "another request" in refused(sent(client, at, 0, data), 423)
    refused(client.delete(at), 423)
    go_on.set()
    thread.join()
    assert answers[0].status_code == 204 and offset(client, at) == 3


def cut(address: str, at: str, offset: int, data: bytes, announced: int) -> None:
    """Sends less than was announced, and hangs up."""
    host = address.removeprefix("http://")
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port))) as connection:
        head = (
            f"PATCH {at} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {announced}\r\n"
            f"Upload-Offset: {offset}\r\n"
            "Content-Type: application/offset+octet-stream\r\n\r\n"
        )
        connection.sendall(head.encode() + data)


def test_random_cuts_give_the_same_bytes(
    client: httpx.Client, address: str, library: Library
) -> None:
    rng = random.Random(5)
    for number in range(5):
        data = rng.randbytes(rng.randrange(1, 3_000_000))
        at, there = created(client, f"{number}.mp4", len(data)), 0
        while there < len(data):
            size = rng.choice([1, 1000, 70_000, 1_100_000])
            piece = data[there : there + size]
            if rng.random() < 0.5 and len(piece) > 1:
                cut(address, at, there, piece[: len(piece) // 2], len(piece))
                time.sleep(0.05)
            elif (answer := sent(client, at, there, piece)).status_code != 204:
                # The request that was cut is still at it.
                assert answer.status_code in (409, 423)
            there = offset(client, at)
        assert (library.folder / FOLDER / f"{number}.mp4").read_bytes() == data


def test_a_full_disk_is_told_and_nothing_is_lost(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, library: Library
) -> None:
    at = created(client, "a.mp4", 3_000_000)
    data = os.urandom(3_000_000)
    usual = served.UploadPart.append

    def full(part: served.UploadPart, piece: bytes) -> None:
        if part.offset >= 1 << 20:
            raise served._unwritable(OSError(errno.ENOSPC, "No space left on device"))
        usual(part, piece)

    with monkeypatch.context() as patch:
        patch.setattr(served.UploadPart, "append", full)
        sentence = refused(sent(client, at, 0, data), 507)
    assert "make room" in sentence
    there = offset(client, at)
    assert 0 < there < len(data)
    assert sent(client, at, there, data[there:]).status_code == 204
    assert (library.folder / FOLDER / "a.mp4").read_bytes() == data


def test_without_room_nothing_is_begun(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = Uploads(library.folder)
    free = shutil.disk_usage(library.folder).free
    with pytest.raises(UploadError, match="make room first") as wrong:
        Uploads(library.folder, 1 << 60).create("a.mp4", free + (1 << 40))
    assert wrong.value.status == 507
    monkeypatch.setattr(served, "MOST_UNFINISHED", 2)
    for _ in range(2):
        uploads.create("a.mp4", 10)
    with pytest.raises(UploadError, match="2 uploads are unfinished") as wrong:
        uploads.create("a.mp4", 10)
    assert wrong.value.status == 429
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UploadError, match="may not be written") as wrong:
        uploads.create("a.mp4", 10)
    assert wrong.value.status == 409


def test_what_nobody_goes_on_with_is_removed(library: Library) -> None:
    uploads = Uploads(library.folder)
    old, slow, new = (uploads.create(f"{i}.mp4", 10) for i in range(3))
    long_ago = time.time() - 8 * 86_400
    for path in (uploads._part(old.id), *uploads._folder.glob("*.json")):
        os.utime(path, (long_ago, long_ago))
    uploads.create("a.mp4", 10)
    with pytest.raises(UploadError, match="no such upload"):
        uploads.get(old.id)
    assert uploads.get(slow.id)[0] == slow and uploads.get(new.id)[0] == new


def test_a_link_in_place_of_the_folder_is_not_followed(
    client: httpx.Client, library: Library, tmp_path: Path
) -> None:
    (tmp_path / "away").mkdir()
    (library.folder / FOLDER).symlink_to(tmp_path / "away")
    at = created(client, "a.mp4", 3)
    assert "is a link" in refused(sent(client, at, 0, b"abc"), 409)
    assert [*(tmp_path / "away").iterdir()] == []
    (library.folder / FOLDER).unlink()
    assert sent(client, at, 3, b"").headers["x-file"] == "uploads/a.mp4"


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM])
def test_another_file_system_gets_a_copy(
    library: Library, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    usual = os.link

    def link(*arguments: Any, **named: Any) -> None:
        if code == errno.EPERM or "src_dir_fd" not in named:
            raise OSError(code, os.strerror(code))
        usual(*arguments, **named)

    monkeypatch.setattr(os, "link", link)
    uploads = Uploads(library.folder)
    for name in ("a.mp4", "a-2.mp4"):
        upload = uploads.create("a.mp4", 4)
        with uploads.writing(upload.id, 0) as part:
            part.append(name[:4].encode())
            assert uploads.finish(part).file == f"{FOLDER}/{name}"
        assert (library.folder / FOLDER / name).read_text() == name[:4]
    assert len([*(library.folder / FOLDER).iterdir()]) == 2
    assert [*uploads._folder.glob("*.part")] == []


def test_what_was_whole_when_the_server_was_killed_is_moved_once(
    library: Library,
) -> None:
    library.fill(1)
    index = library.open()
    index.begin()
    uploads = Uploads(library.folder)
    linked, whole = uploads.create("a.mp4", 3), uploads.create("b.mp4", 3)
    (library.folder / FOLDER).mkdir()
    for upload in (linked, whole):
        uploads._part(upload.id).write_bytes(b"abc")
    os.link(uploads._part(linked.id), library.folder / FOLDER / "a.mp4")
    with (
        serving(index, Jobs(index, command=COMMAND), uploads) as address,
        httpx.Client(base_url=address) as client,
    ):
        for upload in (linked, whole):
            address = f"/api/uploads/{upload.id}"
            start = time.monotonic()
            while "x-job" not in (answer := client.head(address)).headers:
                assert time.monotonic() - start < 30
            assert answer.headers["x-file"] == f"uploads/{upload.name}"
            assert answer.headers["x-job"]
    assert {path.name for path in (library.folder / FOLDER).iterdir()} == {
        "a.mp4",
        "b.mp4",
    }


SERVER = """
    import sys, uvicorn
    from slta.features import EXTRACTORS, Kind
    from slta.index.library import Index
    from slta.serve.running import Address, serve
    from tests.support.extractors import Colours

    EXTRACTORS["colours"] = Kind(lambda _: Colours())
    folder, place, store = sys.argv[1:]
    index = Index.open(folder, place=place, extractor_name="colours", store=store)
    index.begin()
    serve(index, Address("127.0.0.1", 0), told=lambda page: print(page, flush=True))
"""


def _memory(pid: int) -> int:
    """Bytes that a process has used at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no such line")


def test_a_large_file_takes_no_memory_and_survives_a_killed_server(
    library: Library,
) -> None:
    library.fill(1)
    size, chunk = 300 << 20, 60 << 20
    piece = bytes(1 << 20)
    command = [sys.executable, "-c", textwrap.dedent(SERVER)]
    command += map(str, (library.folder, library.place, library.store))

    def start() -> tuple["subprocess.Popen[str]", httpx.Client]:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, httpx.Client(base_url=process.stdout.readline().strip())

    process, client = start()
    try:
        at, there = created(client, "large.mp4", size), 0
        sent(client, at, 0, piece)
        before, there = _memory(process.pid), len(piece)
        while there < size // 2:
            count = min(chunk, size // 2 - there) >> 20
            assert sent(client, at, there, (piece for _ in range(count))).is_success
            there += count << 20
        assert _memory(process.pid) - before < 50 << 20
        process.kill()
        process.communicate()
        client.close()
        process, client = start()
        assert offset(client, at) == there
        before = _memory(process.pid)
        while there < size:
            count = min(chunk, size - there) >> 20
            answer = sent(client, at, there, (piece for _ in range(count)))
            there += count << 20
        assert answer.headers["x-file"] == "uploads/large.mp4"
        assert _memory(process.pid) - before < 50 << 20
    finally:
        client.close()
        process.kill()
        process.communicate()
    assert (library.folder / FOLDER / "large.mp4").stat().st_size == size
