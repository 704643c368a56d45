"""What a server survives: more than 2000 requests, files and connections that mean harm.

None reads what is outside the folder, ends the server, hangs, shows a traceback or takes
its memory. The requests are those of ``tests.support.hostile``.
"""

import os
import random
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from slta.features import EXTRACTORS, Kind
from tests.support import hostile
from tests.support.extractors import Colours
from tests.support.hostile import Answer, asked, request
from tests.support.impatient_command import impatient_command
from tests.support.libraries import NAMES, Library
from tests.support.once import made_once
from tests.support.servers import ServerProcess

SECRET = b"a canary that nobody may hear"
PATHS, DOCUMENTS, HEADS, PARAMETERS = 700, 300, 200, 400
"""How many requests are drawn from the grammars of each."""
LARGE = "large.mp4"
LARGE_BYTES = 24 << 20
"""More than is on the way between server and client."""
ODD = (b"caf\xe9\n.mp4", b"<img src=x onerror=alert(1)>'\";.mp4")
"""Names of films that are no text, or more than that."""
AT_A_TIME = 12
MOST_GROWTH = 100 << 20
"""Maximum bytes by which the server may grow."""
AT_ONCE_S = 1.0
"""How long others wait for an answer at most."""


@dataclass
class Target:
    """A server, and what it may not tell."""

    server: ServerProcess
    library: Library
    errors: Path
    canary: Path
    videos: dict[str, str]
    """Ids by file."""
    memory: int
    """When it had answered everything once."""
    said: int = 0
    """Bytes of its errors that were read."""

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def sockets(self) -> int:
        """That are open."""
        links = Path(f"/proc/{self.server.process.pid}/fd").iterdir()
        return sum(1 for each in links if _target(each).startswith("socket:"))

    def lives(self) -> None:
        """It runs and answers, and neither said nor holds what it should not."""
        assert self.server.process.poll() is None
        begun = time.monotonic()
        answer = httpx.get(f"{self.server.address}/api/library", timeout=20)
        assert answer.status_code == 200 and time.monotonic() - begun < 5
        said, self.said = self.errors.read_bytes()[self.said :], self.said
        self.said += len(said)
        assert b"Traceback" not in said, said[-3000:]
        assert self.server.memory - self.memory < MOST_GROWTH

    def holds(self, cases: Iterable[tuple[bytes, set[int] | None]]) -> None:
        """Sends requests, several at a time, and checks the answers."""

        def one(case: tuple[bytes, set[int] | None]) -> Answer:
            try:
                return asked(self.port, case[0])
            except TimeoutError:
                raise AssertionError(f"hangs: {case[0][:300]!r}") from None

        cases = [*cases]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for (sent, allowed), answer in zip(
                cases, pool.map(one, cases), strict=True
            ):
                self.check(answer, sent[:300])
                if allowed is not None:
                    assert answer.status in allowed, (sent[:300], answer.raw[:300])
        self.lives()

    def check(self, answer: Answer, sent: object) -> None:
        told = answer.raw
        assert answer.seconds < hostile.LIMIT_S, sent
        assert SECRET not in told and b"root:x:" not in told, sent
        assert b"Traceback" not in told and b'File "' not in told, (sent, told)
        assert answer.status < 500, (sent, told)


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:  # closed meanwhile
        return ""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("hostile")
    canary = folder / "canary.txt"
    canary.write_bytes(SECRET)
    (folder / "films").mkdir()
    (folder / "films" / "notes.txt").write_bytes(SECRET)
    (folder / "films" / "loop").symlink_to("loop")
    store = made_once("colours-store", lambda _: None)
    library = Library(folder / "films", folder / "index", store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
        library.fill(3)
        # A film with a box that players leave aside.
        with library.put(LARGE, 3).open("ab") as file:
            file.write(LARGE_BYTES.to_bytes(4) + b"free" + bytes(LARGE_BYTES - 8))
        for number, name in enumerate(ODD, start=4):
            library.put(os.fsdecode(name), number)
        library.open().add()
    errors = folder / "errors"
    server = ServerProcess(library, errors, impatient_command)
    try:
        with httpx.Client(base_url=server.address, timeout=60) as client:
            rows = client.get("/api/videos").json()
            videos = {row["files"][0]: row["video"] for row in rows}
            found = client.get("/api/search?q=red").json()["moments"]
            for moment in found[:3]:
                sent = {k: moment[k] for k in ("video", "start_s", "end_s", "score")}
                sent |= {"query": "red", "confidence": 0.5}
                assert client.post("/api/lists/a/moments", json=sent).is_success
            for path in paths_of(videos[NAMES[0]]):
                assert client.get(path).is_success, path
        yield Target(server, library, errors, canary, videos, server.memory)
    finally:
        server.kill()


def paths_of(video: str) -> list[str]:
    """Addresses that open a video's file."""
    own = f"/api/videos/{video}"
    return [
        f"{own}/frame?at=1.5",
        f"{own}/strip?start=0.5&end=5&count=3",
        f"{own}/clip?start=0&end=3",
        f"{own}/why?q=red",
        f"{own}/file",
        f"/api/search?like={video}@1-3",
        "/api/lists/a/export?kind=otio",
    ]


def free(requests: Iterable[bytes]) -> Iterator[tuple[bytes, None]]:
    """Without a word on what is answered."""
    return ((each, None) for each in requests)


def test_no_path_leads_out_of_the_folder(target: Target) -> None:
    sent = hostile.traversals(target.port, str(target.canary), PATHS)
    target.holds(free(sent))


def test_only_its_own_page_and_names_are_answered(target: Target) -> None:
    target.holds(hostile.names(target.port))
    lists = httpx.get(f"{target.server.address}/api/lists").json()
    assert "stolen" not in [row["name"] for row in lists]


def test_bodies_that_lie_about_their_length_are_cut(target: Target) -> None:
    target.holds(free(hostile.lengths(target.port)))


def test_documents_that_are_no_answers_to_a_question(target: Target) -> None:
    video = target.videos[NAMES[0]]
    target.holds(free(hostile.documents(target.port, video, DOCUMENTS)))


def test_heads_that_are_none(target: Target) -> None:
    target.holds(free(hostile.heads(target.port, HEADS)))


def test_files_of_any_name_are_answered(target: Target) -> None:
    with httpx.Client(base_url=target.server.address, timeout=60) as client:
        rows = client.get("/api/videos").json()
        odd = [row["video"] for row in rows if row["files"][0][0] in "<c"]
        assert len(odd) == len(ODD)
        for video in odd:
            moment = {"video": video, "query": "red", "start_s": 0.0, "end_s": 1.0}
            kept = moment | {"found_start_s": 0.0, "found_end_s": 1.0}
            listed = moment | {"score": 1.0, "confidence": 0.5}
            answers = [
                client.put("/api/corrections", json=kept),
                client.post("/api/lists/odd/moments", json=listed),
                *(client.get(path) for path in paths_of(video)),
                *(
                    client.get(f"/api/lists/odd/export?kind={kind}")
                    for kind in ("csv", "srt", "edl", "fcpxml")
                ),
                client.get("/api/corrections"),
                client.get("/api/folder"),
            ]
            for answer in answers:
                assert answer.is_success, (str(answer.url), answer.text)
                head = answer.headers.get("content-disposition", "attachment")
                assert head.isascii() and head.startswith("attachment")
    target.lives()


def test_names_that_no_file_may_have(target: Target) -> None:
    target.holds(hostile.uploads(target.port))
    outside = target.library.folder.parent
    assert not [*outside.rglob("*up.mp4"), *Path("/etc").glob("up.mp4")]


def test_values_that_no_parameter_has(target: Target) -> None:
    video = target.videos[NAMES[0]]
    target.holds(free(hostile.parameters(target.port, video, PARAMETERS)))


def test_damaged_films_end_nothing_but_their_decoder(target: Target) -> None:
    path = target.library.folder / NAMES[0]
    whole, state = path.read_bytes(), path.stat()
    video, random_ = target.videos[NAMES[0]], random.Random(hostile.SEED)
    try:
        for turn in range(36):
            bytes_ = bytearray(whole)
            if turn % 3 == 0:
                # The boxes that describe the film are at one of its ends.
                first = random_.choice([0, len(whole) - 1200])
                for _ in range(12):
                    bytes_[first + random_.randrange(1200)] = random_.randrange(256)
            elif turn % 3 == 1:
                for _ in range(200):
                    bytes_[random_.randrange(len(whole))] = random_.randrange(256)
            else:
                at = random_.randrange(len(whole) // 2)
                bytes_[at:] = bytes(len(whole) - at)
            # What is cached is not asked for again: other times.
            path.write_bytes(bytes_)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
            start = turn / 40
            own = f"/api/videos/{video}"
            addresses = [
                f"{own}/frame?at={start + 0.3}",
                f"{own}/strip?start={start}&end=5.5",
                f"/api/search?like={video}@{start}-3",
                "/api/lists/a/export?kind=edl",
                *([f"{own}/clip?start={start}&end=2"] if turn % 4 == 0 else []),
            ]
            target.holds(free(request(target.port, a) for a in addresses))
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_files_that_became_something_else_are_not_opened(target: Target) -> None:
    path = target.library.folder / NAMES[1]
    kept = path.with_name("kept")
    shutil.move(path, kept)
    state = kept.stat()
    twin = target.canary.with_name("twin.mp4")
    twin.write_bytes(SECRET + bytes(state.st_size - len(SECRET)))
    os.utime(twin, ns=(state.st_atime_ns, state.st_mtime_ns))
    outside = twin.parent

    def listen() -> None:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))

    def endless() -> None:
        with path.open("wb") as file:
            file.truncate(1 << 40)

    becomes: dict[str, Callable[[], object]] = {
        "a link to a file outside": lambda: path.symlink_to(target.canary),
        "a link to one that looks the same": lambda: path.symlink_to(twin),
        "a relative link": lambda: path.symlink_to("../canary.txt"),
        "a link to itself": lambda: path.symlink_to(path.name),
        "a link to a folder": lambda: path.symlink_to(outside),
        "a link to a device": lambda: path.symlink_to("/dev/zero"),
        "a link to a process": lambda: path.symlink_to("/proc/self/environ"),
        "a pipe": lambda: os.mkfifo(path),
        "a folder": path.mkdir,
        "a socket": listen,
        "an endless file": endless,
        "nothing": lambda: None,
    }
    video = target.videos[NAMES[1]]
    try:
        for become in becomes.values():
            become()
            sent = [request(target.port, address) for address in paths_of(video)]
            # What was looked at before is known without the file.
            allowed = {200, 400, 404}
            target.holds([(each, allowed) for each in sent])
            answer = asked(
                target.port, request(target.port, f"/api/videos/{video}/file")
            )
            assert answer.status == 404
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
        assert len(becomes) == 12
    finally:
        shutil.move(kept, path)


def test_a_file_that_shrinks_while_it_is_sent_ends_its_answer(target: Target) -> None:
    path = target.library.folder / LARGE
    whole, state = path.read_bytes(), path.stat()
    sent = request(target.port, f"/api/videos/{target.videos[LARGE]}/file")
    try:
        with socket.create_connection(("127.0.0.1", target.port), 10) as connection:
            connection.sendall(sent)
            count = len(connection.recv(1000))
            os.truncate(path, 1 << 20)
            while part := connection.recv(1 << 20):
                count += len(part)
        assert count < len(whole)
        target.holds([(sent, {404})])
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def wait(target: Target, *, until_s: float) -> float:
    """Asks as others do; the longest wait for an answer."""
    longest_s, begun = 0.0, time.monotonic()
    while time.monotonic() - begun < until_s:
        start = time.monotonic()
        answer = httpx.get(f"{target.server.address}/api/library", timeout=20)
        assert answer.status_code == 200, answer.text
        longest_s = max(longest_s, time.monotonic() - start)
        time.sleep(0.05)
    return longest_s


def slowly(target: Target, begin: bytes, more: bytes, count: int) -> None:
    """So many say one thing, and then a little of another, from time to time."""
    before = target.sockets
    with ExitStack() as stack:
        open_ = [
            stack.enter_context(socket.create_connection(("127.0.0.1", target.port)))
            for _ in range(count)
        ]
        for connection in open_:
            connection.sendall(begin)
        for _ in range(8):
            for connection in open_:
                with suppress(OSError):
                    connection.sendall(more)
            assert wait(target, until_s=0.4) < AT_ONCE_S
        assert target.sockets <= before + 1
    target.lives()


def test_slow_heads_are_cut_and_others_answered(target: Target) -> None:
    own = f"GET / HTTP/1.1\r\nhost: 127.0.0.1:{target.port}\r\n".encode()
    slowly(target, own, b"x-more: yes\r\n", 40)
    slowly(target, b"", b"G", 20)


def test_slow_bodies_are_cut_and_others_answered(target: Target) -> None:
    for length in ("content-length: 90000", "transfer-encoding: chunked"):
        head = request(
            target.port, "/api/corrections", hostile.JSON, length, method="PUT"
        ).replace(b"connection: close\r\n", b"")
        piece = b"1\r\n{\r\n" if "chunked" in length else b"{"
        slowly(target, head, piece, 20)


def test_answers_that_nobody_reads_are_cut_and_others_answered(target: Target) -> None:
    before = target.sockets
    sent = request(target.port, f"/api/videos/{target.videos[LARGE]}/file")
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", target.port))
            connection.sendall(sent)
        time.sleep(0.5)
        assert target.sockets > before + 10
        assert wait(target, until_s=4) < AT_ONCE_S
        assert target.sockets <= before + 1
    target.lives()


def test_more_connections_than_it_takes_do_not_keep_others_out(target: Target) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", target.port)))
        assert wait(target, until_s=1) < AT_ONCE_S
    target.lives()


def test_there_are_enough_cases() -> None:
    drawn = [
        hostile.traversals(1, "/tmp/canary.txt", PATHS),
        hostile.names(1),
        hostile.lengths(1),
        hostile.uploads(1),
        hostile.documents(1, "0" * 64, DOCUMENTS),
        hostile.heads(1, HEADS),
        hostile.parameters(1, "0" * 64, PARAMETERS),
    ]
    # Files and connections that mean harm come to these.
    assert sum(len([*each]) for each in drawn) >= 2000
