"""What the commands say, and where: answers on the screen, notes beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from slta.features.sentences import Progress

screen = Console(highlight=False, emoji=False)
notes = Console(stderr=True, highlight=False, emoji=False)


@contextmanager
def progress(what: str) -> Iterator["Progress"]:
    """A bar on the screen's error side; it shows only once there is progress."""
    from rich import progress as shown

    columns = (
        shown.TextColumn("{task.description}"),
        shown.BarColumn(),
        shown.TimeRemainingColumn(),
    )
    hidden = not notes.is_terminal
    with shown.Progress(*columns, console=notes, transient=True, disable=hidden) as bar:
        task = bar.add_task(what, total=None, visible=False)
        yield lambda done, total: bar.update(
            task, completed=done, total=total, visible=True
        )
