"""Progress reports, as callbacks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[float, float], None]
"""Called with the amount done and the total."""


ProgressFactory = Callable[[str], AbstractContextManager[Progress | None]]
"""Opens a progress bar with a label; None where none is shown."""


@contextmanager
def no_progress(_: str) -> Iterator[None]:
    """A ``ProgressFactory`` without bars."""
    yield None
