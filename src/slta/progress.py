"""How work tells how far it is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[float, float], None]
"""Told how much of how much is done."""


ProgressFactory = Callable[[str], AbstractContextManager[Progress | None]]
"""Opens a bar of progress for what it is told."""


@contextmanager
def no_progress(_: str) -> Iterator[None]:
    """ProgressFactory nothing."""
    yield None
