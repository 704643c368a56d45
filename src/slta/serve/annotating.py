"""Corrections as a data set in the own-data format, to train on."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from slta.datasets import own
from slta.datasets.base import Dataset
from slta.errors import InputError
from slta.export.texts import in_a_line
from slta.files import apart, composed, fitted
from slta.index.library import Index
from slta.moments import Query, Span
from slta.serve.corrections import Correction, Corrections
from slta.serve.films import Film, films

VAL = 0.2
"""Share of the videos that are held out of train."""


@dataclass(frozen=True, slots=True)
class AnnotationsWritten:
    """What became of the corrections of a folder."""

    files: tuple[Path, ...]
    queries: int
    spans: int
    empty: int
    """Queries that are not in their video."""
    videos: int
    open: int
    """Corrections without a verdict, which are left out."""
    wordless: int
    """Corrections of queries without words, which are left out."""
    gone: tuple[str, ...]
    """Videos that are not in the folder any more, which are left out."""


class Judged(NamedTuple):
    """A query and what was said of its moments in a video."""

    video: str
    query: str
    spans: tuple[Span, ...]


def write_annotations(index: Index, to: Path, split: str | None) -> AnnotationsWritten:
    """Writes a split, by default train and val, and links to the videos, in the own-data
    format.

    Raises ``InputError``, before writing anything, if there are no corrections to write or
    something with other content is there.
    """
    if split is not None and not re.fullmatch(r"\w[\w-]{0,99}", split):
        raise InputError(
            f"--split {split} cannot name a file; give a name such as train or val"
        )
    kept = Corrections(index)
    corrections = kept.all(top=-1) if kept.exists else []
    said = [each for each in corrections if each.verdict]
    if not said:
        raise InputError(
            f"{index.root} has no accepted or rejected moments; accept some on the page of "
            f"'slta serve {index.root}'"
        )
    there = {
        video: film
        for video, film in films(index).all.items()
        if (index.root / film.files[0]).is_file()
    }
    usable = [each for each in said if each.video in there and _has_words(each.query)]
    if not usable:
        raise InputError(
            f"none of the corrected videos is in {index.root} any more; put "
            f"{said[0].file} back, and run 'slta index {index.root}'"
        )
    rows = judged(usable)
    names = _names({row.video: there[row.video] for row in rows})
    queries = [
        Query(f"{names[row.video]}:{number}", names[row.video], row.query, row.spans)
        for number, row in enumerate(rows, start=1)
    ]
    durations_s = {name: there[video].duration_s for video, name in names.items()}
    queries = [_within(query, durations_s[query.video_id]) for query in queries]
    links = {
        to / "videos" / name: index.root / there[video].files[0]
        for video, name in names.items()
    }
    _check(links)
    held_out = set() if split else {names[video] for video in _held_out(rows)}
    splits = {
        split or "train": tuple(q for q in queries if q.video_id not in held_out),
        "val": tuple(query for query in queries if query.video_id in held_out),
    }
    files = own.convert(
        Dataset(
            digest="",
            splits={name: some for name, some in splits.items() if some},
            folder=to,
            videos=to / "videos",
            durations_s=durations_s,
        ),
        to,
    )
    _link(links)
    return AnnotationsWritten(
        files=tuple(files),
        queries=len(queries),
        spans=sum(len(query.truth or ()) for query in queries),
        empty=sum(not query.truth for query in queries),
        videos=len(names),
        open=len(corrections) - len(said),
        wordless=sum(not _has_words(each.query) for each in said),
        gone=tuple(dict.fromkeys(e.file for e in said if e.video not in there)),
    )


def _held_out(rows: Sequence[Judged]) -> set[str]:
    """The ids of the videos of val: about a fifth, hardly others when more is corrected.
    Train and val both have moments; if only one video has any, there is no val."""
    shown = sorted({row.video for row in rows if row.spans})
    if len(shown) < 2:
        return set()
    found = {row.video for row in rows if int(row.video[:8], 16) < VAL * 2**32}
    return (found | {shown[0]}) - {shown[-1]}


def judged(corrections: Iterable[Correction]) -> list[Judged]:
    """The queries of each video with their accepted moments, as they were corrected, by the
    name of the video.

    Those that overlap are one. Rejected moments alone say that the video does not show the
    query; beside accepted ones they say nothing.
    """
    ordered = sorted(corrections, key=lambda each: (each.file, each.video, each.id))
    groups = dict[tuple[str, str], list[Span]]()
    for each in ordered:
        spans = groups.setdefault((each.video, " ".join(each.query.split())), [])
        if each.verdict == "accepted":
            spans.append(Span(each.start_s, each.end_s))
    return [Judged(*key, _joined(spans)) for key, spans in groups.items()]


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    joined = list[Span]()
    for span in sorted(spans):
        if joined and joined[-1].overlaps(span):
            span = Span(joined[-1].start, max(joined[-1].end, span.end))
            joined.pop()
        joined.append(span)
    return tuple(joined)


def _within(query: Query, duration_s: float) -> Query:
    """Spans may end a little after the video, and then end with it."""
    spans = (
        Span(span.start, min(span.end, duration_s))
        for span in query.truth or ()
        if span.start < duration_s
    )
    return Query(query.query_id, query.video_id, query.query, tuple(spans))


def _has_words(query: str) -> bool:
    return any(letter.isalnum() for letter in query)


def _names(videos: dict[str, Film]) -> dict[str, str]:
    """The name of each video's file in ``videos``, which is its id there too."""
    stems, suffixes = list[str](), list[str]()
    for film in videos.values():
        path = Path(film.files[0])
        flat = in_a_line(composed("_".join(path.with_suffix("").parts)))
        stems.append(flat.replace("\\", "_"))
        suffixes.append(path.suffix)
    return {
        video: fitted(stem, suffix)
        for video, stem, suffix in zip(videos, apart(stems), suffixes, strict=True)
    }


def _check(links: dict[Path, Path]) -> None:
    for link, file in links.items():
        if os.path.lexists(link) and not (link.exists() and link.samefile(file)):
            raise InputError(
                f"{link} exists and is not {file}; give another --to, or remove it"
            )


def _link(links: dict[Path, Path]) -> None:
    for link, file in links.items():
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(file)
        except OSError as error:
            raise InputError(
                f"{link} cannot be made ({error.strerror or error}); give another --to, or "
                "make room"
            ) from error
