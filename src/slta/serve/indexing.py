"""Brings an index up to date, as a process of its own that a hostile file may end.

    python -m slta.serve.indexing

An order comes as a line of JSON on stdin, which stays open as long as the server lives.
What happens is told as lines of JSON on stdout.
"""

import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final

from slta.errors import InputError

MEMORY: Final = 6 << 30
"""Maximum address space of the process, in bytes, beyond what it begins with. A quarter of
it is reserved by LanceDB and ONNX Runtime; frames of the largest films take the most."""
MEMORY_OF_A_CORE: Final = 192 << 20
"""The same for each core, whose threads reserve some."""
BUSY_S: Final = 2.0
"""Time between two tries while another process updates the index."""
END_S: Final = 20.0
"""How long the work may go on when the server is gone."""
TOLD_S: Final = 0.25
"""Time between two lines about the same file."""
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done."""

    root: str
    place: str
    extractor: str | None
    store: str
    within: str = ""
    skip: dict[str, str] = field(default_factory=dict)
    patience_s: float = 300.0
    """How long a file may be at hand without progress."""
    busy_s: float = 3600.0
    """How long to wait for another process that updates the index."""


def work(order: Order, tell: Callable[[dict[str, Any]], None]) -> None:
    from slta.index.library import Busy, Index

    index = Index.open(
        order.root,
        place=order.place,
        extractor_name=order.extractor,
        store=order.store,
    )
    index.searcher.prepare()
    _limit_memory(index.place.folder)
    watch = _Watch(order.patience_s, tell)
    give_up_s = time.monotonic() + order.busy_s
    while True:
        try:
            added = index.add(
                within=order.within,
                skip=order.skip,
                bar=watch,
                saved=lambda added: tell({"saved": asdict(added)}),
            )
        except Busy as error:
            if time.monotonic() > give_up_s:
                raise
            tell({"busy": str(error)})
            time.sleep(BUSY_S)
        else:
            tell({"done": asdict(added)})
            return


class _Watch:
    """Tells of progress, and lets the system end the process when there is none: a file
    may hang the decoder so that nothing in this process runs any more."""

    def __init__(
        self, patience_s: float, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._patience_s, self._tell = patience_s, tell
        self._last: tuple[float, float, str] | None = None
        self._told_s = 0.0
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def __call__(self, done_s: float, all_s: float, name: str) -> None:
        now, now_s = (done_s, all_s, name), time.monotonic()
        if self._last is None or self._last[2] != name:
            is_due = True
        else:
            is_due = now_s - self._told_s > TOLD_S and now != self._last
        if is_due:
            self._tell({"file": name, "done_s": done_s, "all_s": all_s})
            self._last, self._told_s = now, now_s
        signal.setitimer(signal.ITIMER_REAL, self._patience_s if name else 0)


def _limit_memory(place: Path | None) -> None:
    """A file that asks for more fails, and what is left is the server's."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    limit += MEMORY_OF_A_CORE * (os.cpu_count() or 1) + 2 * _size(place)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    # If memory is short all the same, this process goes first.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _size(place: Path | None) -> int:
    """Bytes of an index on this machine."""
    if place is None:
        return 0
    size = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                size += os.stat(os.path.join(folder, name)).st_size
    return size


def _end_with_server() -> None:
    """Waits for the end of stdin; then stops as at Ctrl-C, or at once."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(END_S)
    os._exit(INTERRUPTED)


def _read_line() -> bytes:
    """Not by way of ``sys.stdin``, whose lock a thread must not hold at the end."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if not (piece := os.read(0, 1 << 16)):
            sys.exit(INTERRUPTED)
        line += piece
    return bytes(line)


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Searches go first.
    os.nice(10)
    # Whatever is printed goes to stderr.
    out = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
    os.dup2(2, 1)

    def tell(said: dict[str, Any]) -> None:
        # Without a server, nobody is told.
        with suppress(BrokenPipeError):
            out.write(json.dumps(said) + "\n")
            out.flush()

    try:
        order = Order(**json.loads(_read_line()))
        Thread(target=_end_with_server, daemon=True).start()
        work(order, tell)
    except InputError as error:
        tell({"refused": str(error)})
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)
    except Exception as error:
        traceback.print_exc()
        kind, line = type(error).__name__, " ".join(str(error).split())
        tell({"refused": f"indexing failed ({kind}: {line}); please report it"})


if __name__ == "__main__":
    main()
