"""Tables and JSON, line by line, with what is wrong in them noted."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from slta.datasets.annotations import Annotations

T = TypeVar("T", dict[str, Any], list[Any])


def table(
    found: Annotations, file: Path, columns: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table with a head, each with the number of its last line."""
    text = _text(found, file)
    if text is None:
        return
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        head = reader.fieldnames or []
        if missing := [name for name in columns if name not in head]:
            what = f"has no column {' and no '.join(missing)}"
            remedy = f"add it to the first line, which has {', '.join(head)[:80]!r}"
            found.fault(file, 1, what, remedy)
            return
        for row in reader:
            if any(row[name] is None for name in columns) or None in row:
                what = f"has {len([v for v in row.values() if v is not None])} values"
                remedy = f"write {len(head)} to a line, those with commas in quotes"
                found.fault(file, reader.line_num, what, remedy)
                continue
            yield reader.line_num, row
    except csv.Error as error:
        what = f"is no table ({error})"
        found.fault(file, reader.line_num, what, "save it as CSV again")


class Places:
    """Where the entries of a JSON file stand, asked for in their order."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def line(self, name: str) -> int | None:
        """The line on which a name stands next; None if it is written in another way."""
        place = self._text.find(json.dumps(name), self._at)
        if place < 0:
            return None
        self._line += self._text.count("\n", self._at, place)
        self._at = place + 1
        return self._line


def json_of(found: Annotations, file: Path, empty: T) -> tuple[T, Places]:
    """The content of a JSON file; ``empty``, and noted, where there is nothing like it."""
    text = _text(found, file)
    if text is None:
        return empty, Places("")
    try:
        content = json.loads(text)
        if isinstance(content, type(empty)):
            return content, Places(text)
        what = f"holds {type(content).__name__}, not {type(empty).__name__}"
        found.fault(file, 1, what, "get the file again")
    except json.JSONDecodeError as error:
        what = f"is no JSON ({error.msg} at column {error.colno})"
        found.fault(file, error.lineno, what, "get the file again")
    except (RecursionError, ValueError) as error:
        found.fault(file, None, f"is no JSON ({error})", "get the file again")
    return empty, Places(text)


def json_lines(found: Annotations, file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSON Lines file, with the numbers of their lines."""
    for number, line in found.lines(file):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            what = f"is broken ({error.msg} at column {error.colno})"
            found.fault(file, number, what, "write one JSON object to a line")
            continue
        except (RecursionError, ValueError) as error:
            found.fault(file, number, f"is broken ({error})", "write it anew")
            continue
        if not isinstance(row, dict):
            what = f"holds {type(row).__name__}, not an object"
            found.fault(file, number, what, "write one JSON object to a line")
            continue
        yield number, row


def number(value: Any) -> float:
    """Raises ``TypeError`` for what is no number, a truth value included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def pairs_of(value: Any) -> list[tuple[float, float]]:
    """Raises ``TypeError`` or ``ValueError`` for what is no list of two numbers each."""
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    found = []
    for each in value:
        if not isinstance(each, list) or len(each) != 2:
            raise ValueError(f"{each!r} is no pair of numbers")
        found.append((number(each[0]), number(each[1])))
    return found


def _text(found: Annotations, file: Path) -> str | None:
    content = found.content(file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found.fault(file, line, "is no UTF-8", "save the file as UTF-8")
        return None
