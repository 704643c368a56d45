"""Writes a data set in the project's own format: a JSON Lines file for each split."""

import json
from pathlib import Path
from typing import Any

from slta.datasets.base import Dataset, Facts
from slta.errors import InputError
from slta.files import write_whole
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
    for path, text in texts.items():
        if path.exists() and path.read_bytes() != text.encode():
            raise InputError(f"{path} exists with other content; give another --to")
    for done, (path, text) in enumerate(texts.items(), start=1):
        if not path.exists():
            _write(path, text)
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
