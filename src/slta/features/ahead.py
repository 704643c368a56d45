"""Work on several cores: pictures are decoded while networks look at earlier ones."""

import os
from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 0.5
"""How long whoever stops early waits for the thread to end."""


_allowed = 0


def allow(count: int) -> None:
    """This process is to use so many cores, whatever the machine has; 0 for all."""
    global _allowed
    _allowed = count


def cores() -> int:
    if _allowed:
        return _allowed
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ahead(items: Iterator[T], *, most: int) -> Generator[T, None, None]:
    """The same items, made by a thread of its own; at most ``most`` of them wait.

    An error is raised where the item would have been.
    """
    waiting: Queue[tuple[list[T], BaseException | None]] = Queue(most)
    stopped = Event()

    def make() -> None:
        end: BaseException | None = None
        try:
            for item in items:
                waiting.put(([item], None))
                if stopped.is_set():
                    return
        except BaseException as error:
            end = error
        waiting.put(([], end))

    thread = Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while True:
            made, error = waiting.get()
            if error is not None:
                raise error
            if not made:
                return
            yield from made
    finally:
        stopped.set()
        # Room for what it may be about to add.
        with suppress(Empty):
            while True:
                waiting.get_nowait()
        thread.join(PATIENCE_S)
