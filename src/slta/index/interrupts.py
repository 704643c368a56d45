"""Ctrl-C that waits until what is being written is written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Puts signals that interrupt the process off until the end of the block.

    LanceDB would otherwise go on writing in its own threads while this one cleans up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # which signals do not reach
        return
    waiting = list[int]()

    def note(number: int, _: FrameType | None) -> None:
        waiting.append(number)

    usual = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    for interrupt in dict.fromkeys(waiting):
        signal.raise_signal(interrupt)
