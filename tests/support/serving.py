"""A server of an index, in this process or in one of its own."""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from slta.index.library import Index
from slta.serve.running import make_server
from tests.support.colour_command import colour_command
from tests.support.libraries import Library


@contextmanager
def serving(index: Index) -> Iterator[httpx.Client]:
    """A client of a server in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = make_server(index, [f"127.0.0.1:{port}"])
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=30
            ) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


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
