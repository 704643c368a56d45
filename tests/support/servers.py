"""Real servers of libraries of films of colours, on a free port of this machine, in this
process or in one of their own."""

import json
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from slta.index.library import Index
from slta.serve.jobs import Jobs
from slta.serve.running import make_server
from slta.serve.uploads import Uploads
from tests.support.colour_command import colour_command
from tests.support.libraries import Library

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
    import sys, uvicorn
    from slta.features import EXTRACTORS, Kind
    from slta.serve.app import make_app
    from slta.serve.jobs import Jobs
    from slta.index.library import Index
    from tests.support.colour_indexing import COMMAND
    from tests.support.extractors import Colours

    EXTRACTORS["colours"] = Kind(lambda _: Colours())
    folder, place, store, port = sys.argv[1:]
    index = Index.open(folder, place=place, extractor_name="colours", store=store)
    index.begin()
    app = make_app(index, Jobs(index, command=COMMAND))
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
"""


@contextmanager
def serving(
    index: Index,
    jobs: Jobs | None = None,
    uploads: Uploads | None = None,
    token: str | None = None,
) -> Iterator[str]:
    """The address of a server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        server = make_server(index, [host], token, jobs, uploads)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://{host}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def asking(index: Index) -> Iterator[httpx.Client]:
    """A client of a server."""
    with (
        serving(index) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


@pytest.fixture
def client(library: Library) -> Iterator[httpx.Client]:
    """Asks a server of three films; beside them is a file that is none."""
    index = library.added(3)
    (library.folder / "secret.txt").write_text("not a video")
    with asking(index) as client:
        yield client


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def indexing_server(library: Library, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A server whose jobs are those of ``tests.support.colour_indexing``, as a process that
    is killed at the end."""
    places = [library.folder, library.place, library.store, port]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER), *map(str, places)], cwd=ROOT
    )
    try:
        for _ in range(6000):
            if _answers(port):
                break
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/jobs").status_code == 200
    except httpx.TransportError:
        return False


class ServerProcess:
    """``slta serve`` of a library that has an index."""

    def __init__(
        self,
        library: Library,
        errors: Path,
        command: Callable[..., list[str]] = colour_command,
    ) -> None:
        """What it writes to its standard error is put into the file ``errors``."""
        options = ["--port", 0, "--as-is", "--index", library.place]
        with errors.open("wb") as file:
            self.process = subprocess.Popen(
                command("serve", library.folder, *options, "--store", library.store),
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.search(r"at http://127\.0\.0\.1:(\d+)/", line)
        assert match, (line, errors.read_text())
        self.port = int(match[1])
        self.address = f"http://127.0.0.1:{self.port}"

    @property
    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def answer_of(response: httpx.Response, status: int = 200) -> "object":
    """The JSON of an answer that has this status."""
    assert response.status_code == status, (response.status_code, response.text)
    return json.loads(response.content or b"null")
