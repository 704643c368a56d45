"""Output of the commands: results to stdout, messages and progress to stderr."""

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
"""Exit status for invalid input."""


class Screen(Console):
    def on_broken_pipe(self) -> None:
        """Raises, because rich's exit status has another meaning here."""
        raise


screen = Screen(highlight=False, emoji=False)
notes = Console(stderr=True, highlight=False, emoji=False)


def tell(error: InputError) -> None:
    """Prints an error in one line."""
    line = " ".join(str(error).splitlines())
    notes.print(f"slta: {line}", markup=False, soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator["Progress"]:
    """A progress bar on stderr, shown once there is progress."""
    with _bars() as bars:
        task = bars.add_task(what, total=None, visible=False)
        yield lambda done, total: bars.update(
            task, completed=done, total=total, visible=True
        )


@contextmanager
def preparing() -> Iterator["Steps | None"]:
    """A progress bar for preparing networks; None without a terminal."""
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
