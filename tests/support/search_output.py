"""What ``slta search`` prints, read back: its table, and the schema of its JSON."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slta import Span

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "search-json.md").read_text()
(BLOCK,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.S | re.M)
EXAMPLE = json.loads(BLOCK)
SCHEMA = json.loads((DOCS / "search-json.schema.json").read_text())
ROW = re.compile(r" +(\d+) +([\d:.]+) +([\d:.]+) +(\d\.\d\d)")


def rows(out: str) -> list[tuple[int, Span, float]]:
    """Rank, span and score of each line of a table."""
    found = [match.groups() for line in out.splitlines() if (match := ROW.match(line))]
    return [
        (int(rank), Span(seconds(start), seconds(end)), float(score))
        for rank, start, end, score in found
    ]


def seconds(shown: str) -> float:
    parts = [float(part) for part in reversed(shown.split(":"))]
    return sum(part * 60**i for i, part in enumerate(parts))


def violations(value: Any, schema: dict[str, Any], at: str = "answer") -> list[str]:
    """What a JSON Schema finds wrong; a keyword not handled here is an error."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool}
    fits: dict[str, Callable[[Any], bool]] = {
        "$schema": lambda _: True,
        "title": lambda _: True,
        "description": lambda _: True,
        "type": lambda kind: (
            type(value) in (int, float)
            if kind == "number"
            else type(value) is kinds[kind]
        ),
        "minimum": lambda least: value >= least,
        "maximum": lambda most: value <= most,
        "exclusiveMinimum": lambda bound: value > bound,
        "minItems": lambda least: len(value) >= least,
        "required": lambda names: set(names) <= value.keys(),
        "properties": lambda _: True,
        "items": lambda _: True,
    }
    if not fits["type"](schema["type"]):
        return [f"{at}: type"]
    found = [f"{at}: {word}" for word in schema if not fits[word](schema[word])]
    for name, part in schema.get("properties", {}).items():
        if name in value:
            found += violations(value[name], part, f"{at}.{name}")
    if "items" in schema:
        for i, item in enumerate(value):
            found += violations(item, schema["items"], f"{at}[{i}]")
    return found


def undocumented(value: Any, schema: dict[str, Any]) -> set[str]:
    """Fields that are printed, of which the schema says nothing."""
    if isinstance(value, list):
        return set().union(*(undocumented(item, schema["items"]) for item in value))
    if not isinstance(value, dict):
        return set()
    properties = schema["properties"]
    found = value.keys() - properties.keys()
    return found.union(
        *(
            undocumented(value[name], properties[name])
            for name in value
            if name not in found
        )
    )
