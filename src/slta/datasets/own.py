"""Data in the project's own format: a JSON Lines file for each split.

    {"query_id": "a_3", "video_id": "a", "query": "a man sits", "spans": [[1.5, 4.0]]}

beside a folder ``videos`` with a file for each video.
"""

import hashlib
import json
from pathlib import Path

from slta.datasets.base import Dataset
from slta.errors import InputError
from slta.moments import Query, Span


def load(folder: Path) -> Dataset:
    """Every ``.jsonl`` file in the folder is a split, named like the file."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise InputError(f"{folder} has no split; put a train.jsonl there")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return Dataset(
        digest=digest.hexdigest(),
        splits={file.stem: tuple(queries(file)) for file in files},
        folder=folder,
        videos=folder / "videos",
    )


def queries(file: Path) -> list[Query]:
    """Raises ``InputError`` with the file, the line and what is wrong."""
    found = []
    # Of text, splitlines would cut a sentence at letters that separate lines, too.
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            spans = tuple(Span(float(a), float(b)) for a, b in row["spans"])
            name = str(row.get("query_id", f"{file.stem}:{number}"))
            found.append(Query(name, str(row["video_id"]), str(row["query"]), spans))
        except KeyError as error:
            raise InputError(f"{file}:{number} has no field {error}; add it") from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{file}:{number} cannot be read ({error})") from error
    return found
