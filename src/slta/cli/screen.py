"""Output of the commands: results to stdout, messages and progress to stderr."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from slta.errors import InputError
from slta.moments import clock

if TYPE_CHECKING:
    from slta.search.answers import Answer


class Results:
    """Collects the output by query, with the best videos first.

    Answers are rendered at once and not kept, because they are large.
    """

    def __init__(self, queries: Sequence[str], *, as_json: bool, several: bool) -> None:
        """With ``several`` videos, the text names them."""
        self._queries = queries
        self._as_json, self._several = as_json, several
        self._answers: list[list[tuple[float, RenderableType]]] = [[] for _ in queries]
        self._notes: list[tuple[str, ...]] = [() for _ in queries]
        self.any_clear = False

    def add(self, number: int, path: Path, answer: "Answer") -> None:
        """Adds a video's answer to the query of that index."""
        self.any_clear |= answer.is_clear
        if self._as_json:
            text: RenderableType = as_json(path, answer)
        else:
            text = as_text(answer, path if self._several else None)
        self._answers[number].append((answer.confidence, text))
        self._notes[number] = answer.notes

    def print(self) -> None:
        for query, answers, understood in zip(
            self._queries, self._answers, self._notes, strict=True
        ):
            if answers and not self._as_json:
                lines = "\n".join([f'\n"{query}"', *understood])
                screen.print(lines, markup=False, soft_wrap=True)
            for _, text in sorted(answers, key=lambda answer: -answer[0]):
                if isinstance(text, str):
                    screen.out(text)
                else:
                    screen.print(text, crop=False)


def as_json(path: Path, answer: "Answer") -> str:
    """One line, as in docs/search-json.md."""
    return json.dumps({"path": str(path), **answer.to_json()})


def as_text(answer: "Answer", path: Path | None = None) -> RenderableType:
    """The match and the moments; among several videos, a single line without a clear
    match."""
    line = Text(f"{path}: " if path else "", no_wrap=True, overflow="ignore")
    if answer.is_clear:
        line.append("clear match", "green")
    else:
        line.append("no clear match", "yellow")
    line.append(f", confidence {answer.shown_confidence(2):.2f}")
    if answer.is_clear:
        return Group(line, _moments(answer))
    if path is None:
        return Group(line.append("; the likeliest moments:"), _moments(answer))
    span = answer.moments[0].span
    return line.append(f"; likeliest {clock(span.start)}-{clock(span.end)}")


def _moments(answer: "Answer") -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("rank", "start", "end", "score"):
        table.add_column(name, justify="right")
    scores = answer.shown_scores(2)
    for rank, moment in enumerate(answer.moments, start=1):
        start, end = clock(moment.span.start), clock(moment.span.end)
        table.add_row(str(rank), start, end, f"{scores[rank - 1]:.2f}")
    return table


if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from slta.features.base import Steps
    from slta.index.adding import Bar
    from slta.progress import Progress

USAGE = 2
"""Exit status for invalid input."""


class Screen(Console):
    def on_broken_pipe(self) -> None:
        """Raises, because rich's exit status has another meaning here."""
        raise


screen = Screen(highlight=False, emoji=False)
notes = Console(stderr=True, highlight=False, emoji=False)


def plain(text: str) -> str:
    """A text in one line, without letters that a terminal obeys, which names may have.

    >>> plain("trip\\n\x1b[31m.mp4")
    'trip\\\\n\\\\x1b[31m.mp4'
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def tell(error: InputError) -> None:
    """Prints an error in one line."""
    line = " ".join(str(error).splitlines())
    notes.print(f"slta: {plain(line)}", markup=False, soft_wrap=True)


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


@contextmanager
def indexing() -> Iterator["Bar | None"]:
    """A progress bar of hours of video, with rate and time left; None without a
    terminal."""
    from rich import progress as shown

    columns = (
        shown.TextColumn("{task.fields[hours]}"),
        shown.BarColumn(),
        shown.TextColumn("{task.fields[rate]}"),
        shown.TimeRemainingColumn(),
        shown.TextColumn("{task.fields[name]}", markup=False),
    )
    bars = shown.Progress(
        *columns, console=notes, transient=True, disable=not notes.is_terminal
    )
    start = time.monotonic()
    with bars:
        task = bars.add_task("", total=None, visible=False, hours="", rate="", name="")

        def update(done_s: float, total_s: float, name: str) -> None:
            rate = done_s / max(time.monotonic() - start, 1e-3)
            bars.update(
                task,
                completed=done_s,
                total=total_s,
                visible=True,
                hours=f"{done_s / 3600:.2f} of {total_s / 3600:.2f} h",
                rate=f"{rate:.0f} x real time",
                name=plain(name),
            )

        yield update if notes.is_terminal else None


def _bars() -> "Bars":
    from rich import progress as shown

    columns = (
        shown.TextColumn("{task.description}"),
        shown.BarColumn(),
        shown.TimeRemainingColumn(),
    )
    hidden = not notes.is_terminal
    return shown.Progress(*columns, console=notes, transient=True, disable=hidden)
