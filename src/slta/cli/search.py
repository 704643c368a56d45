"""``slta search``: find the moments of videos that sentences describe."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import tyro

from slta.cli import export
from slta.cli.arguments import StoreFolder
from slta.cli.operands import folder_of, nearest, operands
from slta.cli.screen import USAGE, notes, preparing, progress, tell
from slta.errors import InputError, UnwritableError
from slta.files import apart, check_writable, fitted

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from slta.export.found import Found
    from slta.search import Answer, Searcher

NOTHING_CLEAR = 1
"""Exit status if no video has a clear match for any query."""
TOP = 5
"""Moments of a query and a video, by default."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Find the moments of videos that sentences describe.

    Videos are listed best first for each query. Of a folder, what is new is indexed first,
    and the best moments of all its videos are listed. Exit status: 0 if any query has a
    clear match, 1 if none has, 2 for invalid input.
    """

    arguments: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="VIDEO|FOLDER [VIDEO ...] QUERY [QUERY ...]",
            help_behavior_hint="(required)",
        ),
    ]
    """Video files or one folder, and sentences in quotes. An existing file is a video,
    everything else a query. With pre-extracted features, a video's id is enough."""
    top: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Maximum moments per query and video (default: 5), or per query of a folder (default:
    10)."""
    like: Annotated[
        str | None,
        tyro.conf.arg(metavar="FILE|FILE@TIME", help_behavior_hint=""),
    ] = None
    """Of a folder: moments that look like this picture, or like a second or a span of this
    video, such as clip.mp4@1:23 or clip.mp4@1:20-1:35, instead of a query."""
    within: Annotated[
        str | None,
        tyro.conf.arg(name="in", metavar="PATTERN", help_behavior_hint=""),
    ] = None
    """Of a folder: only videos whose path in it matches, such as 'holiday/**'."""
    since: Annotated[
        str | None, tyro.conf.arg(metavar="DATE", help_behavior_hint="")
    ] = None
    """Of a folder: only videos recorded then or later, such as 2024-01-31, or 30d for
    thirty days ago."""
    until: Annotated[
        str | None, tyro.conf.arg(metavar="DATE", help_behavior_hint="")
    ] = None
    """Of a folder: only videos recorded before."""
    longer: Annotated[
        str | None, tyro.conf.arg(metavar="TIME", help_behavior_hint="")
    ] = None
    """Of a folder: only videos at least so long, such as 90, 10m or 1h30m."""
    shorter: Annotated[
        str | None, tyro.conf.arg(metavar="TIME", help_behavior_hint="")
    ] = None
    """Of a folder: only videos at most so long."""
    per_video: Annotated[
        int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")
    ] = None
    """Of a folder: maximum moments of one video."""
    as_is: bool = False
    """Of a folder: search what is indexed, without looking for new files."""
    index: Annotated[
        str | None, tyro.conf.arg(metavar="PLACE", help_behavior_hint="")
    ] = None
    """Of a folder: where its index lies, a folder or an address such as s3://bucket/name
    (default: in $SLTA_HOME/indexes)."""
    json: bool = False
    """Print one JSON object per query and video, a line each, instead of tables."""
    plot: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Plot the answer to this file (.png, .svg or .pdf). With several videos or queries, the
    video or a number is appended to the name."""
    clips: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Write the moments as video files to this folder, named by video, query and rank."""
    export: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")
    ] = None
    """Write the moments to this file: a timeline (.otio, .edl, .fcpxml), captions (.srt,
    .vtt; one file per video) or a table (.csv, .json)."""
    pad: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 0.0
    """Seconds added before and after each moment, with --clips or --export."""
    merge: Annotated[
        float | None, tyro.conf.arg(metavar="SECONDS", help_behavior_hint="")
    ] = None
    """Join moments at most so many seconds apart (after --pad), with --clips or
    --export."""
    unclear: bool = False
    """Include answers without a clear match, with --clips, --export or --plot."""
    checkpoint: Annotated[
        Path | None, tyro.conf.arg(metavar="RUN", help_behavior_hint="")
    ] = None
    """Folder of a trained run, or its name on the Hugging Face hub (default: zero-shot)."""
    root: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of the run's data set, if it was moved; only for its pre-extracted features."""
    extractor: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Extractor: imagenet-words, clip, siglip, or clip:NAME (default: the run's, or
    imagenet-words)."""
    words: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Word vectors, such as glove:FILE (default: the run's)."""
    model: Annotated[
        str | None, tyro.conf.arg(metavar="FILE.py:CLASS", help_behavior_hint="")
    ] = None
    """Code of the run's model, if it is your own; the file is executed."""
    store: StoreFolder = None


class Output(NamedTuple):
    """Names of the files made of an answer."""

    plot: Path | None
    clip: str
    """Name of the clips, before the rank."""


def search(command: Search) -> None:
    """Prints answers; exits with ``USAGE`` for unusable videos, or ``NOTHING_CLEAR``."""
    for option, value in (("--top", command.top), ("--per-video", command.per_video)):
        if value is not None and value < 1:
            raise InputError(f"{option} must be at least 1, got {value}")
    _check_targets(command)
    if (folder := folder_of(command.arguments, command.like)) is not None:
        from slta.cli.library import search_folder

        if command.like is not None:
            if command.checkpoint is not None:
                raise InputError(
                    f"--like {command.like} needs no trained model; leave --checkpoint out"
                )
            check_example(command.like)
        queries = [word for word in command.arguments if word != folder]
        if not search_folder(command, Path(folder), [*dict.fromkeys(queries)]):
            sys.exit(NOTHING_CLEAR)
        return
    _check_for_folders(command)
    from slta.cli.screen import Results
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
    # Before preparing the networks, which takes a while the first time.
    usable = [video for video in videos if _may_be_used(command, searcher, video)]
    if not usable:
        sys.exit(USAGE)
    with preparing() as steps:
        searcher.prepare(steps)
    query_features = [searcher.read(query) for query in queries]
    for query in query_features:
        if query.unknown:
            line = f"no vector for {', '.join(query.unknown)}"
            notes.print(line, markup=False, soft_wrap=True)
    results = Results(queries, as_json=command.json, several=len(videos) > 1)
    outputs = _outputs(command.plot, videos, queries)
    chosen = list[export.Chosen]()
    answered = 0
    try:
        for number, video in enumerate(usable, start=1):
            counted = f" ({number} of {len(usable)})" if len(usable) > 1 else ""
            try:
                with progress(f"extracting {video.name}{counted}") as bar:
                    indexed = searcher.index(video, progress=bar)
                if (source := searcher.library.source(video)) is not None:
                    line = f"answered from the pre-extracted features {source}"
                    notes.print(line, markup=False, soft_wrap=True)
                for i, query in enumerate(query_features):
                    answer = searcher.answer(indexed, query, top=command.top or TOP)
                    results.add(i, video, answer)
                    found = _write(command, video, answer, outputs[video][i])
                    chosen.append(export.Chosen(i, answer.confidence, found))
            except InputError as error:
                # Problems of weights or the disk would recur at the next video.
                named = any(n in str(error) for n in searcher.library.names(video))
                if isinstance(error, UnwritableError) or not named:
                    raise
                tell(error)
            else:
                answered += 1
    finally:
        # Also after an error.
        results.print()
    export.export(chosen, command.export)
    if answered < len(videos):
        sys.exit(USAGE)
    if not results.any_clear:
        sys.exit(NOTHING_CLEAR)


def check_example(name: str) -> None:
    """Raises ``InputError`` if there is no such file, with the name of a similar one."""
    from slta.index.examples import NamedExample
    from slta.video.opening import head_of, is_address

    path = NamedExample.of(name).path
    try:
        head_of(path)
    except InputError as error:
        if is_address(name):
            raise InputError(
                f"{name} is an address; download it, and give the file"
            ) from error
        if os.path.lexists(path) or (near := nearest(path)) is None:
            raise
        when = name.removeprefix(str(path))
        raise InputError(f"{error}; did you mean {near}{when}?") from error


def _check_for_folders(command: Search) -> None:
    """Raises ``InputError`` for options that only a folder has."""
    options = {
        "--like": command.like,
        "--in": command.within,
        "--since": command.since,
        "--until": command.until,
        "--longer": command.longer,
        "--shorter": command.shorter,
        "--per-video": command.per_video,
        "--as-is": command.as_is or None,
        "--index": command.index,
    }
    for option, value in options.items():
        if value is not None:
            raise InputError(f"{option} is for a folder; give one, or leave it out")


def _may_be_used(command: Search, searcher: "Searcher", video: Path) -> bool:
    """Whether the file can be a video, without opening it; if not, prints why."""
    from slta.video.opening import head_of

    try:
        if command.plot or command.clips or export.opens_videos(command.export):
            head_of(video)
        searcher.library.check(video)
    except InputError as error:
        tell(error)
        return False
    return True


def _check_targets(command: Search) -> None:
    """Raises ``InputError`` for unwritable output files, before any work."""
    if command.unclear and not (command.plot or command.clips or command.export):
        raise InputError(
            "--unclear is for --clips, --export and --plot; give one of them as well"
        )
    used = bool(command.clips or command.export)
    export.check_seconds(command.pad, command.merge, used=used)
    export.check_export(command.export)
    if (file := command.plot) is not None:
        if file.suffix.lower() not in (".png", ".svg", ".pdf"):
            known = "a name that ends in .png, .svg or .pdf"
            raise InputError(f"--plot {file} cannot be drawn; give {known}")
        check_writable(file)
    if (folder := command.clips) is not None:
        # Any name will do: the names of clips are shortened to fit.
        check_writable(folder / "clip.mp4")


def _outputs(
    plot: Path | None, videos: Sequence[Path], queries: Sequence[str]
) -> dict[Path, list[Output]]:
    """Distinct file names for each video and query."""
    names = apart([video.stem for video in videos])
    pairs = [(i, j) for i in range(len(videos)) for j in range(len(queries))]
    short = export.titles(queries)
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


def _write(
    command: Search, video: Path, answer: "Answer", output: Output
) -> "list[Found]":
    """Writes the plot and the clips, if there is a clear match; returns its moments."""
    outputs = {
        "plot": command.plot,
        "clips": command.clips,
        "export": command.export,
    }
    names = [name for name, target in outputs.items() if target]
    if not names:
        return []
    if not (answer.is_clear or command.unclear):
        line = f'no clear match for "{answer.query}" in {video}: no '
        line += f"{' and '.join(names)} written; --unclear writes the likeliest moments"
        notes.print(line, markup=False, soft_wrap=True)
        return []
    if output.plot:
        _plot(video, answer, output.plot)
    found = export.moments(video, answer, pad=command.pad, merge=command.merge)
    if command.clips:
        _cut(command, found, output.clip)
    return found


def _plot(video: Path, answer: "Answer", target: Path) -> None:
    from slta.plots.answer import draw

    draw(video, answer, target)
    notes.print(f"wrote {target}", markup=False, soft_wrap=True)


def _cut(command: Search, found: "Sequence[Found]", title: str) -> None:
    from slta.video import writing

    assert command.clips is not None
    export.made(command.clips)
    with progress("writing clips") as bar:
        for rank, moment in enumerate(found, start=1):
            name = fitted(title, f"-{rank}.mp4")
            writing.cut(moment.path, moment.span, command.clips / name)
            bar(rank, len(found))
    done = f"wrote {len(found)} clips to {command.clips}"
    notes.print(done, markup=False, soft_wrap=True)
