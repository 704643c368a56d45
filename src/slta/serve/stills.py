"""Pictures of videos, made by a process of its own.

A file that makes the decoder fail, hang or take all memory ends that process, not the
server.
"""

import asyncio
import io
import json
import multiprocessing
import resource
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from slta.errors import InputError

MEMORY: Final = 2 << 30
"""Maximum address space of the process, in bytes, beyond what it begins with."""
PATIENCE_S: Final = 20.0
"""How long a picture may take."""
KEPT_BYTES: Final = 64 << 20
"""Pictures that are kept, in bytes."""
JPEG: Final = b"\xff\xd8"
"""How a JPEG begins."""
MOST_BYTES: Final = 16 << 20
QUALITY: Final = 80
"""Of the JPEGs."""
Key = tuple[str, float, int]


class Stills:
    """Makes JPEGs of single frames, one after the other."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "stills")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._kept = OrderedDict[Key, bytes]()
        self._size = 0

    async def jpeg(self, path: Path, time_s: float, width: int) -> bytes:
        """The frame shown at that time. Raises ``InputError`` if there is none."""
        key = str(path), round(time_s, 2), width
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(self._worker, self._ask, key)
        if key not in self._kept:
            self._kept[key] = data
            self._size += len(data)
        while self._size > KEPT_BYTES:
            self._size -= len(self._kept.popitem(last=False)[1])
        return data

    def _ask(self, key: Key) -> bytes:
        pipe = self._started()
        try:
            pipe.send_bytes(json.dumps(key).encode())
            if not pipe.poll(PATIENCE_S):
                raise EOFError
            # Not unpickled: a hostile file may have taken the process over.
            answer = pipe.recv_bytes(MOST_BYTES)
        except (EOFError, OSError):
            self.close_process()
            raise InputError(
                f"{Path(key[0]).name} cannot be shown: reading it took too long or failed"
            ) from None
        if not answer.startswith(JPEG):
            raise InputError(answer.decode(errors="replace"))
        return answer

    def _started(self) -> Connection:
        if self._pipe is not None and self._process and self._process.is_alive():
            return self._pipe
        self.close_process()
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_make, args=(there,), daemon=True)
        self._process.start()
        there.close()
        return self._pipe

    def close_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)
        self.close_process()


def _make(pipe: Connection) -> None:
    """Answers with a JPEG, or with a sentence."""
    from slta import video

    limit = _address_space() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    while True:
        try:
            path, time_s, width = json.loads(pipe.recv_bytes())
        except (EOFError, KeyboardInterrupt):
            return
        try:
            info = video.probe(path)
            size = width, max(1, round(width * info.height / info.width))
            at = min(max(0.0, time_s), info.duration_s)
            frames = video.frames(path, at=[at], size=size)
            pipe.send_bytes(_jpeg(frames.images[0]))
        except InputError as error:
            pipe.send_bytes(str(error).encode(errors="replace"))
        except MemoryError:
            pipe.send_bytes(f"{Path(path).name!r} needs too much memory".encode())


def _jpeg(image: "object") -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=QUALITY)  # type: ignore[arg-type]
    return file.getvalue()


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
