"""What the commands say, and where: answers on the screen, notes beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from slta.errors import InputError

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from slta.features.base import Steps
    from slta.progress import Progress

USAGE = 2
"""Exit code where something given cannot be used."""


class Screen(Console):
    def on_broken_pipe(self) -> None:
        """Not rich's exit code, which says something else here."""
        raise


screen = Screen(highlight=False, emoji=False)
notes = Console(stderr=True, highlight=False, emoji=False)


def tell(error: InputError) -> None:
    """What cannot be used, in a line."""
    line = " ".join(str(error).splitlines())
    notes.print(f"slta: {line}", markup=False, soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator["Progress"]:
    """A bar on the screen's error side; it shows only once there is progress."""
    with _bars() as bars:
        task = bars.add_task(what, total=None, visible=False)
        yield lambda done, total: bars.update(
            task, completed=done, total=total, visible=True
        )


@contextmanager
def preparing() -> Iterator["Steps | None"]:
    """A bar that says what is being made; None where nobody sees it."""
    with _bars() as bars:
        task = bars.add_task("", total=1, visible=False)

        def step(what: str, share: float) -> None:
            what = f"preparing the networks, once: {what}"
            bars.update(task, description=what, completed=share, visible=True)

        yield step if notes.is_terminal else None


def _bars() -> "Bars":
    from rich import progress as shown

    columns = (
        shown.TextColumn("{task.description}"),
        shown.BarColumn(),
        shown.TimeRemainingColumn(),
    )
    hidden = not notes.is_terminal
    return shown.Progress(*columns, console=notes, transient=True, disable=hidden)
