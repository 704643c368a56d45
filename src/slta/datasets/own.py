"""The project's own data format: a file for each split.

Either JSON Lines, one query a line,

    {"query_id": "a_3", "video_id": "a", "query": "a man sits", "spans": [[1.5, 4.0]]}

or a CSV table with the columns video_id, query, start_s and end_s; beside them a folder
``videos`` or ``features`` with a file for each video. See docs/data-sets.md.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from jaxtyping import Int

from slta.datasets.annotations import ROUNDING_S, Annotations, Oddities, once
from slta.datasets.base import Dataset, Facts
from slta.datasets.reading import json_lines, table
from slta.datasets.source import Length, Source
from slta.errors import InputError
from slta.fields import (
    FieldError,
    above_0,
    identity,
    integers,
    number,
    pairs,
    required,
    shown,
    text,
    texts,
    written,
)
from slta.files import composed, is_hidden, write_whole
from slta.moments import Query
from slta.progress import Progress


def convert(
    dataset: Dataset, folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Writes the missing files, each whole or not at all; an interrupted conversion can be
    repeated.

    Raises ``InputError``, before writing anything, if an existing file has other content.
    """
    total = len(dataset.splits)
    texts: dict[Path, str] = {}
    for done, (split, queries) in enumerate(dataset.splits.items(), start=1):
        lines = [json.dumps(record(dataset, query)) + "\n" for query in queries]
        texts[folder / f"{split}.jsonl"] = "".join(lines)
        if progress:
            progress(done / 2, total)
    for path, content in texts.items():
        if path.exists() and path.read_bytes() != content.encode():
            raise InputError(f"{path} exists with other content; give another --to")
    for done, (path, content) in enumerate(texts.items(), start=1):
        if not path.exists():
            _write(path, content)
        if progress:
            progress(total / 2 + done / 2, total)
    return list(texts)


def record(dataset: Dataset, query: Query) -> dict[str, Any]:
    """A query as an object of the own format; facts are additional fields."""
    spans = None
    if query.truth is not None:
        spans = [[span.start, span.end] for span in query.truth]
    row: dict[str, Any] = {
        "query_id": query.query_id,
        "video_id": query.video_id,
        "query": query.query,
        "spans": spans,
    }
    if query.video_id in dataset.durations_s:
        row["duration_s"] = dataset.durations_s[query.video_id]
    return row | listed(dataset.facts.get(query.query_id, Facts()))


def listed(facts: Facts) -> dict[str, Any]:
    """The facts that are not None, as lists."""
    named = {name: getattr(facts, name) for name in Facts.__slots__}
    return {
        name: list(value) if isinstance(value, tuple) else value.tolist()
        for name, value in named.items()
        if value is not None
    }


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"{path} cannot be written ({why}); give another --to, or make room"
        ) from error


NAME: Final = "own"
COLUMNS = ("video_id", "query", "start_s", "end_s")
ODDITIES = Oddities(duplicates=True)
LISTS = {"chunks": (2,), "clips": (), "saliency": (3,), "windows": (2,)}
"""The optional fields of integers, and the columns of those that are tables."""


@dataclass(frozen=True, kw_only=True)
class OwnConfig:
    """A folder in the project's own format."""

    name: ClassVar[str] = NAME
    root: str = "own"
    """Folder with train.jsonl, val.jsonl and further splits, and videos or features."""


@dataclass(slots=True)
class _Row:
    """A query as written in its file."""

    split: str
    file: Path
    line: int
    query_id: str
    video_id: str
    query: str
    spans: list[tuple[float, float]] | None
    duration_s: float | None
    facts: Facts | None = None


def load(folder: Path) -> Dataset:
    """A data set in which every ``.jsonl`` or ``.csv`` file is a split of its name."""
    return read(folder).dataset(name=NAME)


def files_of(folder: Path) -> list[Path]:
    """The files of the splits."""
    files = [*folder.glob("*.jsonl"), *folder.glob("*.csv")]
    return sorted(file for file in files if not is_hidden(file))


def load_file(file: Path) -> Dataset:
    """A data set of one split, named like its file."""
    if not file.is_file():
        raise InputError(f"there is no file {file}; give a JSON Lines or CSV file")
    annotations = Annotations(file.parent, ODDITIES)
    _fill(annotations, _rows(annotations, [file]), {})
    return annotations.dataset(name=NAME)


def read(folder: Path, lengths: Mapping[str, Length] | None = None) -> Annotations:
    """Reads a folder; ``lengths`` are those of known videos, by files or features."""
    parsed, rows = _parsed(folder)
    annotations = Annotations(
        folder,
        ODDITIES,
        splits={name: [] for name in parsed.splits},
        problems=[*parsed.problems],
        files=[*parsed.files],
        split_files=parsed.split_files,
    )
    _fill(annotations, rows, lengths or {})
    return annotations


@once
def _parsed(folder: Path) -> tuple[Annotations, list[_Row]]:
    """The rows, and annotations with the faults of single rows."""
    annotations = Annotations(folder, ODDITIES)
    files = files_of(folder)
    if not files:
        remedy = "write it or train.csv, or make it with 'slta data convert'"
        annotations.fault(folder / "train.jsonl", None, "is missing", remedy)
    return annotations, _rows(annotations, files)


def _rows(annotations: Annotations, files: Sequence[Path]) -> list[_Row]:
    rows: list[_Row] = []
    for file in files:
        annotations.files.append(file)
        annotations.splits[file.stem] = []
        annotations.split_files[file.stem] = file
        other = file.with_suffix(".csv")
        if file != other and other in files:
            what = f"gives the split {file.stem}, as does {other.name}"
            annotations.fault(file, None, what, "keep one of the two")
        read = _of_table if file == other else _of_lines
        rows += read(annotations, file)
    return rows


def _fill(
    annotations: Annotations, rows: Sequence[_Row], lengths: Mapping[str, Length]
) -> None:
    _lengths(annotations, rows, lengths)
    for row in rows:
        annotations.add(
            row.split,
            row.file,
            row.line,
            query_id=row.query_id,
            video_id=row.video_id,
            query=row.query,
            spans=row.spans,
            facts=row.facts,
        )


def _lengths(
    annotations: Annotations, rows: Sequence[_Row], lengths: Mapping[str, Length]
) -> None:
    """Takes each video's first annotated length, and reports contradictions."""
    wrong = set()
    for row in rows:
        if row.duration_s is None or row.video_id in wrong:
            continue
        what = f"says that {row.video_id} lasts {row.duration_s:g} s"
        known = lengths.get(row.video_id)
        if known and (other := known.disagrees(row.duration_s)):
            wrong.add(row.video_id)
            annotations.fault(row.file, row.line, f"{what}, but {other[0]}", other[1])
            continue
        first = annotations.durations_s.setdefault(row.video_id, row.duration_s)
        if abs(first - row.duration_s) > ROUNDING_S:
            remedy = f"a line before says {first:g} s; correct one of them"
            annotations.fault(row.file, row.line, what, remedy)
    for video_id, known in lengths.items():
        annotations.durations_s.setdefault(video_id, known.duration_s + known.within_s)


def _of_lines(annotations: Annotations, file: Path) -> list[_Row]:
    rows = []
    for line, row in json_lines(annotations, file):
        try:
            rows.append(_row(file, line, row))
        except FieldError as error:
            annotations.fault(file, line, error.what, error.remedy)
    return rows


def _row(file: Path, line: int, row: Mapping[str, Any]) -> _Row:
    video_id, query = identity(row, "video_id").strip(), text(row, "query")
    has_id = row.get("query_id") is not None
    return _Row(
        split=file.stem,
        file=file,
        line=line,
        query_id=identity(row, "query_id") if has_id else _default(video_id, line),
        video_id=video_id,
        query=query,
        spans=None if required(row, "spans") is None else pairs(row, "spans"),
        duration_s=None if row.get("duration_s") is None else _duration(row),
        facts=_facts(row),
    )


def _of_table(annotations: Annotations, file: Path) -> list[_Row]:
    """Rows with the same query id are spans of one query; without times, it has none."""
    rows: dict[str, _Row] = {}
    for line, row in table(annotations, file, COLUMNS):
        try:
            video_id = composed(row["video_id"].strip())
            query_id = composed(row.get("query_id") or "")
            made = _Row(
                split=file.stem,
                file=file,
                line=line,
                query_id=query_id or _default(video_id, line),
                video_id=video_id,
                query=row["query"],
                spans=_times(row),
                duration_s=_duration(row) if row.get("duration_s") else None,
            )
        except FieldError as error:
            annotations.fault(file, line, error.what, error.remedy)
            continue
        first = rows.setdefault(made.query_id, made)
        if first is made:
            continue
        if (first.video_id, first.query) != (made.video_id, made.query):
            what = f"gives the query id {query_id!r} to another query than line "
            annotations.fault(
                file, line, f"{what}{first.line}", "give each query an id of its own"
            )
        elif first.spans is not None and made.spans is not None:
            first.spans += made.spans
    return list(rows.values())


def _times(row: Mapping[str, str]) -> list[tuple[float, float]]:
    if not row["start_s"].strip() and not row["end_s"].strip():
        return []
    return [(written(row, "start_s"), written(row, "end_s"))]


def _default(video_id: str, line: int) -> str:
    return f"{video_id}:{line}"


def _duration(row: Mapping[str, Any]) -> float:
    is_text = isinstance(row["duration_s"], str)
    duration_s = (written if is_text else number)(row, "duration_s")
    return above_0("duration_s", duration_s)


def _facts(row: Mapping[str, Any]) -> Facts | None:
    """Facts of the field's data sets, as ``convert`` writes them."""
    there = [name for name in LISTS if row.get(name) is not None]
    facts: dict[str, Any] = {n: integers(row, n, *LISTS[n]) for n in there}
    _check_chunks(facts.get("chunks"))
    _check_clips(facts.get("clips"), facts.get("saliency"))
    if row.get("nouns") is not None:
        facts["nouns"] = tuple(texts(row, "nouns"))
    return Facts(**facts) if facts else None


def _check_chunks(chunks: Int[np.ndarray, "a 2"] | None) -> None:
    if chunks is not None and not ((chunks >= 0) & (chunks[:, :1] <= chunks)).all():
        what = (
            f"gives chunks as {shown(chunks.tolist())}, which are not first and last "
        )
        raise FieldError(f"{what}chunks", "number them from 0")


def _check_clips(
    clips: Int[np.ndarray, " c"] | None, saliency: Int[np.ndarray, "s 3"] | None
) -> None:
    if clips is not None and clips.min(initial=0) < 0:
        raise FieldError(
            f"gives clips as {shown(clips.tolist())}", "number them from 0"
        )
    if saliency is not None and (clips is None or len(clips) != len(saliency)):
        what = f"has saliency of {len(saliency)} clips for "
        what += f"{0 if clips is None else len(clips)} clips"
        raise FieldError(what, "give each clip a row")


SOURCE = Source(
    title="your own videos",
    files="train.jsonl or train.csv, val.jsonl, test.jsonl and further splits; "
    "videos/VIDEO.mp4 or features/VIDEO.npz",
    authors="you",
    get="write them, or make them with 'slta data convert'",
    licence="yours",
    size="as it comes",
    videos="your own",
    layout='{"query_id", "video_id", "query", "spans": [[START, END]], "duration_s"} '
    "or a table with the columns video_id,query,start_s,end_s; seconds",
    counts={},
    read=read,
    read_knowing=read,
    with_videos=True,
    open=load,
)
