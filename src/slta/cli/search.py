"""``slta search``: sentences to the moments of videos."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import tyro

from slta.cli.screen import USAGE, notes, preparing, progress, tell
from slta.errors import InputError, UnwritableError
from slta.files import check_writable, fitted

if TYPE_CHECKING:
    from slta.search import Answer, Searcher

NOTHING_CLEAR = 1
"""Exit code where no video has a clear match for any query."""
TITLE = 40
"""Letters of a query in the name of a file, at most."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Find the moments of videos that sentences describe.

    For each query, the videos are listed best first. Exit code 0: a query has a clear
    match in a video; 1: none has; 2: something given cannot be used.
    """

    arguments: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="VIDEO [VIDEO ...] QUERY [QUERY ...]",
            help_behavior_hint="(required)",
        ),
    ]
    """Files of videos, and what happens in the moment, a sentence each, in quotes. A file
    that is there is a video, all else is a query. With ready features, a video's id
    will do."""
    top: int = 5
    """Moments a query and video, at most."""
    json: bool = False
    """Print one JSON object a query and video, a line each, instead of tables."""
    plot: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Draw the answer into this file (.png, .svg or .pdf); the video is added to its name
    where there are several, and a number where there are several queries."""
    clips: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Cut the moments out as files in this folder, named by the video, the query and
    the rank."""
    unclear: bool = False
    """With --clips or --plot: cut and draw the likeliest moments where there is no clear
    match, too."""
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
    model: Annotated[
        str | None, tyro.conf.arg(metavar="FILE.py:CLASS", help_behavior_hint="")
    ] = None
    """Code of the run's model, if it is yours; the file is run."""
    store: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Where features are kept; else $SLTA_HOME/store, else in the cache folder."""


class Output(NamedTuple):
    """What the files that are made of an answer are called."""

    plot: Path | None
    clip: str
    """Up to the rank of the moment."""


def search(command: Search) -> None:
    """Exits with ``USAGE`` or ``NOTHING_CLEAR`` once all is printed."""
    if command.top < 1:
        raise InputError(f"--top must be at least 1, got {command.top}")
    _check_targets(command)
    from slta.cli.operands import operands
    from slta.cli.rendering import Results
    from slta.search import Searcher

    searcher = Searcher(
        command.extractor,
        checkpoint=command.checkpoint,
        root=command.root,
        words_name=command.words,
        store=command.store,
        model=command.model,
    )
    videos, queries = operands(command.arguments, searcher.library)
    # Before the networks are prepared, which takes a while the first time.
    usable = [video for video in videos if _may_be_used(command, searcher, video)]
    if not usable:
        sys.exit(USAGE)
    with preparing() as steps:
        searcher.prepare(steps)
    asked = [searcher.asked(query) for query in queries]
    for query in asked:
        if query.unknown:
            told = f"no vector for {', '.join(query.unknown)}"
            notes.print(told, markup=False, soft_wrap=True)
    results = Results(queries, as_json=command.json, several=len(videos) > 1)
    outputs = _outputs(command.plot, videos, queries)
    answered = 0
    try:
        for number, video in enumerate(usable, start=1):
            counted = f" ({number} of {len(usable)})" if len(usable) > 1 else ""
            try:
                with progress(f"looking at {video.name}{counted}") as bar:
                    indexed = searcher.index(video, progress=bar)
                if (ready := searcher.library.source(video)) is not None:
                    told = f"answered from the ready features {ready}"
                    notes.print(told, markup=False, soft_wrap=True)
                for i, query in enumerate(asked):
                    answer = searcher.answer(indexed, query, top=command.top)
                    results.add(i, video, answer)
                    _write(command, video, answer, outputs[video][i])
            except InputError as error:
                # The weights or the disk will not be better at the next video.
                named = any(n in str(error) for n in searcher.library.names(video))
                if isinstance(error, UnwritableError) or not named:
                    raise
                tell(error)
            else:
                answered += 1
    finally:
        # What was finished, whatever came then.
        results.print()
    if answered < len(videos):
        sys.exit(USAGE)
    if not results.any_clear:
        sys.exit(NOTHING_CLEAR)


def _may_be_used(command: Search, searcher: "Searcher", video: Path) -> bool:
    """Whether the file can be a video, without looking into it; if not, it is told."""
    from slta.video.opening import head_of

    try:
        if command.plot or command.clips:
            head_of(video)
        searcher.library.check(video)
    except InputError as error:
        tell(error)
        return False
    return True


def _check_targets(command: Search) -> None:
    """Refuses before the work what could not be written after it."""
    if command.unclear and not (command.plot or command.clips):
        raise InputError("--unclear is for --clips and --plot; give one of them, too")
    if (file := command.plot) is not None:
        if file.suffix.lower() not in (".png", ".svg", ".pdf"):
            known = "a name that ends in .png, .svg or .pdf"
            raise InputError(f"--plot {file} cannot be drawn; give {known}")
        check_writable(file)
    if (folder := command.clips) is not None:
        # Any file in it stands for the clips, whose names are made to fit.
        check_writable(folder / "clip.mp4")


def _outputs(
    plot: Path | None, videos: Sequence[Path], queries: Sequence[str]
) -> dict[Path, list[Output]]:
    """For each query to each video; no two are the same."""
    names = apart([video.stem for video in videos])
    pairs = [(i, j) for i in range(len(videos)) for j in range(len(queries))]
    short = titles(queries)
    clips = iter(apart([f"{names[i]}-{short[j]}" for i, j in pairs]))
    found = dict[Path, list[Output]]()
    for i, j in pairs:
        target = plot
        if target:
            stem = f"{target.stem}-{names[i]}" if len(videos) > 1 else target.stem
            number = f"-{j + 1}" if len(queries) > 1 else ""
            target = target.with_name(fitted(stem, f"{number}{target.suffix}"))
        found.setdefault(videos[i], []).append(Output(target, next(clips)))
    return found


def _write(command: Search, video: Path, answer: "Answer", output: Output) -> None:
    """Draws and cuts what was asked for, if there is a clear match."""
    if not (command.plot or command.clips):
        return
    if not (answer.is_clear or command.unclear):
        left = " or ".join(
            ["drawn"] * bool(command.plot) + ["cut"] * bool(command.clips)
        )
        told = f'no clear match for "{answer.query}" in {video}: nothing is {left}; '
        told += "--unclear takes the likeliest moments"
        notes.print(told, markup=False, soft_wrap=True)
        return
    if output.plot:
        _plot(video, answer, output.plot)
    if command.clips:
        _cut(command, video, answer, output.clip)


def _plot(video: Path, answer: "Answer", target: Path) -> None:
    from slta.plots.answer import draw

    draw(video, answer, target)
    notes.print(f"drew {target}", markup=False, soft_wrap=True)


def titles(queries: Sequence[str]) -> list[str]:
    """A short name for each, fit for a file; no two have the same."""
    found = [
        "-".join(re.findall(r"\w+", query.lower()))[:TITLE].rstrip("-")
        for query in queries
    ]
    return apart(found)


def apart(names: Sequence[str]) -> list[str]:
    """The names, with a number where there are several of one, in letters of any case.

    >>> apart(["trip", "Trip", "car"])
    ['trip.1', 'Trip.2', 'car']
    """
    plain = [name.casefold() for name in names]
    numbered = [f"{name}.{i}" for i, name in enumerate(names, start=1)]
    found = [
        numbered[i] if plain.count(plain[i]) > 1 else names[i]
        for i in range(len(names))
    ]
    return found if len({name.casefold() for name in found}) == len(found) else numbered


def _cut(command: Search, video: Path, answer: "Answer", title: str) -> None:
    from slta.video import writing

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
            name = fitted(title, f"-{rank}.mp4")
            writing.cut(video, moment.span, command.clips / name)
            bar(rank, len(answer.moments))
    done = f"cut {len(answer.moments)} moments into {command.clips}"
    notes.print(done, markup=False, soft_wrap=True)
