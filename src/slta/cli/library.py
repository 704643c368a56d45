"""``slta search FOLDER``: the best moments of all videos of a folder."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from rich.table import Table
from rich.text import Text

from slta.cli import export
from slta.cli.screen import indexing, notes, plain, preparing, screen
from slta.errors import InputError, UnwritableError
from slta.files import fitted
from slta.moments import clock

if TYPE_CHECKING:
    from slta.cli.search import Search
    from slta.export.found import Found
    from slta.index.adding import Added
    from slta.index.answers import Hits
    from slta.index.filters import Filter
    from slta.index.library import Index
    from slta.index.trained import TrainedModel

TOP = 10
"""Moments of a query, by default."""
LISTED = 10
"""Problems listed, at most; ``slta index status`` lists all."""


class Limits(TypedDict):
    """Which moments are listed."""

    top: int
    per_video: int | None
    only: "Filter"


def search_folder(command: "Search", folder: Path, queries: Sequence[str]) -> bool:
    """Prints the moments; returns whether any query, or the example, has a clear match."""
    if command.plot is not None:
        raise InputError(
            "--plot draws an answer in one video; give a file of the folder, or --export"
        )
    from slta.index.examples import Example
    from slta.index.filters import Filter, moment_in_time, seconds
    from slta.index.library import Busy, Index
    from slta.index.likeness import looker

    only = Filter(
        within=command.within,
        since_s=_read(moment_in_time, "--since", command.since),
        until_s=_read(moment_in_time, "--until", command.until),
        longer_s=_read(seconds, "--longer", command.longer),
        shorter_s=_read(seconds, "--shorter", command.shorter),
    )
    index = Index.open(
        folder,
        place=command.index,
        # With a run, --extractor is the run's.
        extractor_name=None if command.checkpoint else command.extractor,
        store=command.store,
    )
    if command.as_is:
        index.snapshot()
    with preparing() as steps:
        index.searcher.prepare(steps)
    # Before the videos are looked at, which may take hours.
    features = [index.searcher.read(query) for query in queries]
    example = None
    if command.like is not None:
        size = looker(index.model.library.extractor).size
        example = Example.read(command.like, size)
    if not command.as_is:
        try:
            told(update(index), index.root)
        except (Busy, UnwritableError) as error:
            if not index.exists:
                raise
            _note(f"{error}; searching what is indexed so far")
    model = None
    if command.checkpoint is not None:
        model = trained(
            index,
            checkpoint=command.checkpoint,
            root=command.root,
            words_name=command.words,
            extractor_name=command.extractor,
            store=command.store,
            model=command.model,
        )
    chosen = list[export.Chosen]()
    any_clear = False
    limits = Limits(top=command.top or TOP, per_video=command.per_video, only=only)
    if example is not None:
        answers = [index.like(example, **limits)]
    else:
        answers = [index.find(query, model=model, **limits) for query in features]
    for number, hits in enumerate(answers):
        any_clear |= hits.is_clear
        if command.json:
            screen.out(json.dumps(hits.to_json()))
        else:
            _show(hits, index.root)
        chosen.append(export.Chosen(number, hits.confidence, _chosen(command, hits)))
    export.export(chosen, command.export)
    if command.clips is not None:
        _cut(command.clips, chosen)
    return any_clear


def update(index: "Index", *, keep: bool = False, ray: str | None = None) -> "Added":
    """Brings the index up to date, with a progress bar; ``ray`` is as in ``Index.add``."""
    with indexing() as bar:
        return index.add(keep=keep, ray=ray, bar=bar)


def trained(index: "Index", **run: Any) -> "TrainedModel":
    """The model of a run, with the features that it needs of all videos."""
    from slta.index.trained import TrainedModel
    from slta.search import Searcher

    model = TrainedModel(Searcher(**run))
    paths = index.paths()
    with indexing() as bar:
        wrong = model.extract(paths, bar)
    for line in problems({str(path): why for path, why in wrong.items()}, index.root):
        _note(f"no features for the run: {line}")
    return model


def told(added: "Added", root: Path) -> None:
    """Says what an update did, if anything."""
    lines = []
    if added.videos:
        rate = added.hours * 3600 / max(added.seconds, 1e-3)
        lines.append(
            f"indexed {videos(added.videos)}, {added.hours:.2f} h, at {rate:.0f} times "
            "real time"
        )
    if added.known:
        lines.append(f"{files(added.known)} of known content")
    if added.back:
        lines.append(f"{files(added.back)} there again")
    if added.gone:
        lines.append(
            f"{files(len(added.gone))} gone; 'slta index prune {root}' removes what was "
            "indexed of them"
        )
    if added.problems:
        lines.append(f"{files(len(added.problems))} not usable:")
        lines += [f"  {line}" for line in problems(added.problems, root)[:LISTED]]
        if len(added.problems) > LISTED:
            more = len(added.problems) - LISTED
            lines.append(f"  and {more} more; 'slta index status {root}' lists all")
    for line in lines:
        _note(line)


def problems(named: dict[str, str], root: Path) -> list[str]:
    """A line for each file that cannot be used; messages begin with the file already."""
    return [
        why if str(root) in why else f"{root / path}: {why}"
        for path, why in sorted(named.items())
    ]


def _note(line: str) -> None:
    notes.print(plain(line), markup=False, soft_wrap=True)


def files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def videos(count: int) -> str:
    return f"{count} video" if count == 1 else f"{count} videos"


def _read(
    kind: Callable[[str, str], float], option: str, text: str | None
) -> float | None:
    return None if text is None else kind(option, text)


def _show(hits: "Hits", root: Path) -> None:
    title = f'"{hits.query}"' if hits.like is None else f"like {hits.query}"
    screen.print("\n".join(["", title, *hits.notes]), markup=False, soft_wrap=True)
    line = Text(no_wrap=True, overflow="ignore")
    where = f" in {videos(hits.videos)}"
    if hits.is_clear:
        line.append("clear match", "green").append(where)
    else:
        line.append("no clear match", "yellow").append(
            f"{where}; the likeliest moments:"
        )
    screen.print(line, crop=False)
    table = Table(box=None, pad_edge=False)
    for name in ("rank", "start", "end", "confidence"):
        table.add_column(name, justify="right")
    table.add_column("video", overflow="ignore", no_wrap=True)
    for rank, hit in enumerate(hits.moments, start=1):
        name = str(hit.path.relative_to(root))
        if len(hit.paths) > 1:
            name += f" (and {len(hit.paths) - 1} more)"
        table.add_row(
            str(rank),
            clock(hit.span.start),
            clock(hit.span.end),
            f"{hits.shown_confidence(hit, 2):.2f}",
            Text(plain(name)),
        )
    screen.print(table, crop=False)


def _chosen(command: "Search", hits: "Hits") -> "list[Found]":
    from slta.export.found import Found, merged

    moments = hits.moments if command.unclear else hits.clear
    if not moments and (command.clips or command.export):
        line = f'no clear match for "{hits.query}": nothing written; --unclear writes '
        _note(line + "the likeliest moments")
    found = [
        Found(
            hits.query,
            hit.path,
            hit.span,
            round(hit.score, 3),
            hits.shown_confidence(hit, 3),
            hit.duration_s,
        )
        for hit in moments
    ]
    return merged(found, command.merge, command.pad)


def _cut(folder: Path, chosen: Sequence[export.Chosen]) -> None:
    from slta.cli.screen import progress
    from slta.video import writing

    moments = [moment for each in chosen for moment in each.found]
    if not moments:
        return
    export.made(folder)
    queries = [*dict.fromkeys(moment.query for moment in moments)]
    named = dict(zip(queries, export.titles(queries), strict=True))
    count = dict.fromkeys(queries, 0)
    with progress("writing clips") as bar:
        for done, moment in enumerate(moments, start=1):
            count[moment.query] += 1
            rank = count[moment.query]
            name = fitted(f"{named[moment.query]}-{rank}-{moment.path.stem}", ".mp4")
            writing.cut(moment.path, moment.span, folder / name)
            bar(done, len(moments))
    _note(f"wrote {len(moments)} clips to {folder}")
