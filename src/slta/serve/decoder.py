"""Processes of their own that open videos and pictures for the server.

A file that makes the decoder fail, hang or take all memory ends such a process, not the
server.
"""

import asyncio
import json
import multiprocessing
import queue
import resource
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from slta.errors import InputError

MEMORY: Final = 2 << 30
"""Maximum address space of a process, in bytes, beyond what it begins with."""
PATIENCE_S: Final = 20.0
"""How long a task may take."""
MOST_BYTES: Final = 64 << 20
"""Maximum bytes of an answer."""
DONE, WRONG = b"+", b"-"
"""How an answer begins, before its bytes or a sentence."""


class DecoderPool:
    """Does tasks of ``slta.serve.tasks``, each in one of ``count`` processes."""

    def __init__(self, count: int = 1, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._workers = ThreadPoolExecutor(count, "decoder")
        self._free = queue.SimpleQueue[_Child]()
        self._children = [_Child() for _ in range(count)]
        for child in self._children:
            self._free.put(child)

    async def do(self, task: str, **values: Any) -> bytes:
        """What the task of that name gives. Raises ``InputError`` if it fails.

        ``values`` must be JSON; ``path`` is the file that is at fault if all goes wrong.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, self._do, task, values)

    def _do(self, task: str, values: Mapping[str, Any]) -> bytes:
        child = self._free.get()
        try:
            return child.ask(task, values, self._patience_s)
        finally:
            self._free.put(child)

    def close(self) -> None:
        """Ends the processes, whatever they are at."""
        for child in self._children:
            child.end()
        self._workers.shutdown(cancel_futures=True)


class _Child:
    """A process, started when it is first needed and again after it died."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def ask(self, task: str, values: Mapping[str, Any], patience_s: float) -> bytes:
        try:
            pipe = self._started()
            pipe.send_bytes(json.dumps([task, values]).encode())
            if not pipe.poll(patience_s):
                raise EOFError
            # Not unpickled: a hostile file may have taken the process over.
            answer = pipe.recv_bytes(MOST_BYTES)
        except (EOFError, OSError):
            self.end()
            name = Path(values["path"]).name
            raise InputError(
                f"{name} cannot be shown: reading it took too long or failed"
            ) from None
        if not answer.startswith(DONE):
            raise InputError(answer.removeprefix(WRONG).decode(errors="replace"))
        return answer.removeprefix(DONE)

    def _started(self) -> Connection:
        if self._pipe is not None and self._process and self._process.is_alive():
            return self._pipe
        self.end()
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_work, args=(there,), daemon=True)
        self._process.start()
        there.close()
        return self._pipe

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join()
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()


def _work(pipe: Connection) -> None:
    from slta.serve.tasks import TASKS

    # Ctrl-C is for the server, which then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit = _address_space() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    while True:
        try:
            task, values = json.loads(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        answer = _answer(TASKS[task], values)
        # The server may be gone meanwhile.
        with suppress(OSError):
            pipe.send_bytes(answer)


def _answer(task: Callable[..., bytes], values: Mapping[str, Any]) -> bytes:
    try:
        return DONE + task(**values)
    except InputError as error:
        # Where the folder lies is not for everybody.
        text = str(error).replace(values["path"], Path(values["path"]).name)
        return WRONG + text.encode(errors="replace")
    except MemoryError:
        return WRONG + f"{Path(values['path']).name!r} needs too much memory".encode()


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
