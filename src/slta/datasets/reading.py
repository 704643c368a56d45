"""Reads CSV tables and JSON with positions; problems become faults of the annotations."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from slta.datasets.annotations import Annotations
from slta.fields import parsed, shown, why

T = TypeVar("T", dict[str, Any], list[Any])
AGAIN = "get the file again"
ONE = "write one JSON object to a line"


def table(
    annotations: Annotations, file: Path, columns: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV table with a header, each with the number of its last line."""
    text = _text(annotations, file)
    if text is None:
        return
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        head = reader.fieldnames or []
        if missing := [name for name in columns if name not in head]:
            what = f"has no column {' and no '.join(missing)}"
            remedy = f"add it to the first line, which has {', '.join(head)[:80]!r}"
            annotations.fault(file, 1, what, remedy)
            return
        for row in reader:
            if any(row[name] is None for name in columns) or None in row:
                what = f"has {len([v for v in row.values() if v is not None])} values"
                remedy = f"write {len(head)} to a line, those with commas in quotes"
                annotations.fault(file, reader.line_num, what, remedy)
                continue
            yield reader.line_num, row
    except csv.Error as error:
        what = f"is not a table ({error})"
        annotations.fault(file, reader.line_num, what, "save it as CSV again")


class Places:
    """Line numbers of the entries of a JSON file, looked up in their order."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1
        self._many = "\n" in text.strip()

    def of(self, name: str, entry: str) -> int | str:
        """Line of a name's next occurrence; ``entry`` for a file in one line."""
        place = self._text.find(json.dumps(name), self._at) if self._many else -1
        if place < 0:
            return entry
        self._line += self._text.count("\n", self._at, place)
        self._at = place + 1
        return self._line


def json_of(annotations: Annotations, file: Path, empty: T) -> tuple[T, Places]:
    """The content of a JSON file, of the type of ``empty``; else ``empty``, with a fault."""
    text = _text(annotations, file)
    if text is None:
        return empty, Places("")
    try:
        content, repeated = parsed(text)
    except json.JSONDecodeError as error:
        annotations.fault(file, error.lineno, f"is not JSON ({why(error)})", AGAIN)
    except (RecursionError, ValueError) as error:
        annotations.fault(file, None, f"is not JSON ({error})", AGAIN)
    else:
        for key in repeated:
            what = f"has the key {key!r} twice in one object"
            annotations.fault(file, None, what, "keep one of the two")
        if isinstance(content, type(empty)):
            return content, Places(text)
        kind = "a list" if isinstance(empty, list) else "an object"
        annotations.fault(file, 1, f"holds {shown(content)}, not {kind}", AGAIN)
    return empty, Places(text)


def json_lines(
    annotations: Annotations, file: Path
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON Lines file, with their line numbers."""
    lines = [*annotations.lines(file)]
    if lines and lines[0][1].lstrip().startswith("[") and _is_array(lines):
        annotations.fault(file, lines[0][0], "is a JSON array of objects", ONE)
        return
    for number, line in lines:
        try:
            row, repeated = parsed(line)
        except json.JSONDecodeError as error:
            annotations.fault(file, number, f"is broken ({why(error)})", ONE)
            continue
        except (RecursionError, ValueError) as error:
            annotations.fault(file, number, f"is broken ({error})", "write it again")
            continue
        for key in repeated:
            what = f"has the field {key!r} twice"
            annotations.fault(file, number, what, "keep one of the two")
        if not isinstance(row, dict):
            annotations.fault(file, number, f"holds {shown(row)}, not an object", ONE)
        elif not repeated:
            yield number, row


def _is_array(lines: list[tuple[int, str]]) -> bool:
    try:
        whole = json.loads("\n".join(line for _, line in lines))
    except (RecursionError, ValueError):
        return False
    return isinstance(whole, list) and any(isinstance(row, dict) for row in whole)


def _text(annotations: Annotations, file: Path) -> str | None:
    content = annotations.content(file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        annotations.fault(file, line, "is not UTF-8", "save the file as UTF-8")
        return None
