"""``slta search``: sentences to the moments of a video."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from slta.cli.screen import notes, preparing, progress, screen
from slta.errors import InputError
from slta.folders import check_writable
from slta.moments import clock
from slta.names import fitted

if TYPE_CHECKING:
    from slta.search import Answer

TITLE = 40
"""Letters of a query in the name of a file, at most."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Find the moments of a video that sentences describe."""

    video: tyro.conf.Positional[Path]
    """Any video file; for ready features, the video's id will do."""
    queries: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="QUERY [QUERY ...]", help_behavior_hint="(required)"),
    ]
    """What happens in the moment, a sentence each, in quotes."""
    top: int = 5
    """Moments a query, at most."""
    json: bool = False
    """Print one JSON object a query, a line each, instead of a table."""
    plot: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Draw the answer into this file (.png, .svg or .pdf); a number is added to its
    name where there are several queries."""
    clips: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Cut the moments out as files in this folder, named by the video, the query and
    the rank."""
    checkpoint: Annotated[
        Path | None, tyro.conf.arg(metavar="RUN", help_behavior_hint="")
    ] = None
    """Answer with the model of this run, a folder that 'slta train' made; else without
    training."""
    root: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of the run's data set, if it is no longer where it was; only for its ready
    features."""
    extractor: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """What makes the features: imagenet-words, clip:NAME or clip:FOLDER; else what the
    run was trained with, or without a run imagenet-words."""
    words: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """What makes the vectors of words, such as glove:FILE; else what the run was trained
    with."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Where features are kept; else $SLTA_HOME/store, else in the cache folder."""


def search(command: Search) -> None:
    if not command.queries:
        raise InputError("no query given; say in a sentence what happens")
    if command.top < 1:
        raise InputError(f"--top must be at least 1, got {command.top}")
    _check_targets(command)
    from slta.opening import head_of
    from slta.search import Searcher

    if command.plot or command.clips:
        head_of(command.video)

    searcher = Searcher(
        command.extractor,
        checkpoint=command.checkpoint,
        root=command.root,
        words_name=command.words,
        store=command.store,
    )
    # Before the networks are prepared, which takes a while the first time.
    searcher.library.check(command.video)
    with preparing() as steps:
        searcher.prepare(steps)
    asked = [searcher.asked(query) for query in command.queries]
    for query in asked:
        if query.unknown:
            told = f"no vector for {', '.join(query.unknown)}"
            notes.print(told, markup=False, soft_wrap=True)
    with progress(f"looking at {command.video.name}") as bar:
        indexed = searcher.index(command.video, progress=bar)
    if (ready := searcher.library.source(command.video)) is not None:
        told = f"answered from the ready features {ready}"
        notes.print(told, markup=False, soft_wrap=True)
    names = titles(command.queries)
    for number, query in enumerate(asked, start=1):
        answer = searcher.answer(indexed, query, top=command.top)
        if command.json:
            screen.out(json.dumps(answer.to_json()))
        else:
            _show(answer)
        if command.plot:
            _plot(command, answer, number)
        if command.clips:
            _cut(command, answer, names[number - 1])


def _check_targets(command: Search) -> None:
    """Refuses before the work what could not be written after it."""
    if (file := command.plot) is not None:
        if file.suffix.lower() not in (".png", ".svg", ".pdf"):
            known = "a name that ends in .png, .svg or .pdf"
            raise InputError(f"--plot {file} cannot be drawn; give {known}")
        check_writable(_plot_file(command, len(command.queries)))
    if (folder := command.clips) is not None:
        # Any file in it stands for the clips, whose names are made to fit.
        check_writable(folder / "clip.mp4")


def _plot_file(command: Search, number: int) -> Path:
    """Where the answer to the query of this number is drawn."""
    assert command.plot is not None
    if len(command.queries) == 1:
        return command.plot
    return command.plot.with_stem(f"{command.plot.stem}-{number}")


def _show(answer: "Answer") -> None:
    from rich.table import Table

    screen.print(f'\n"{answer.query}"', markup=False, soft_wrap=True)
    if answer.is_clear:
        screen.print(f"[green]clear match[/], confidence {answer.confidence:.2f}")
    else:
        screen.print(
            f"[yellow]no clear match[/], confidence {answer.confidence:.2f}; "
            "the likeliest moments:"
        )
    table = Table(box=None, pad_edge=False)
    for name in ("rank", "start", "end", "score"):
        table.add_column(name, justify="right")
    for rank, moment in enumerate(answer.moments, start=1):
        start, end = clock(moment.span.start), clock(moment.span.end)
        table.add_row(str(rank), start, end, f"{moment.score:.2f}")
    screen.print(table)


def _plot(command: Search, answer: "Answer", number: int) -> None:
    from slta import plot

    target = _plot_file(command, number)
    plot.draw(command.video, answer, target)
    notes.print(f"drew {target}", markup=False, soft_wrap=True)


def titles(queries: Sequence[str]) -> list[str]:
    """A short name for each, fit for a file; no two have the same."""
    found = [
        "-".join(re.findall(r"\w+", query.lower()))[:TITLE].rstrip("-")
        for query in queries
    ]
    return [
        f"{title}.{number}" if found.count(title) > 1 else title
        for number, title in enumerate(found, start=1)
    ]


def _cut(command: Search, answer: "Answer", title: str) -> None:
    from slta import film

    assert command.clips is not None
    try:
        command.clips.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"--clips {command.clips} cannot be made ({why}); name another folder"
        ) from error
    with progress("cutting") as bar:
        for rank, moment in enumerate(answer.moments, start=1):
            name = fitted(command.video.stem, f"-{title}-{rank}.mp4")
            film.cut(command.video, moment.span, command.clips / name)
            bar(rank, len(answer.moments))
    done = f"cut {len(answer.moments)} moments into {command.clips}"
    notes.print(done, markup=False, soft_wrap=True)
