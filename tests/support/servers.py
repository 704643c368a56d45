"""Real servers of libraries of films of colours, on a free port of this machine."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from slta.index.library import Index
from slta.serve.jobs import Jobs
from slta.serve.running import make_server
from slta.serve.uploads import Uploads
from tests.support.libraries import Library


@contextmanager
def serving(
    index: Index, jobs: Jobs | None = None, uploads: Uploads | None = None
) -> Iterator[str]:
    """The address of a server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        server = make_server(index, [host], None, jobs, uploads)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://{host}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def client(library: Library) -> Iterator[httpx.Client]:
    """Asks a server of three films; beside them is a file that is none."""
    index = library.added(3)
    (library.folder / "secret.txt").write_text("not a video")
    with (
        serving(index) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client
