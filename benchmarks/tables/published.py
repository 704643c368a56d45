"""Numbers that papers published, to compare a reproduction with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.tables.cells import table

PUBLISHED = Path(__file__).parents[1] / "published.json"


def _published(data: str) -> Callable[[], str]:
    def made() -> str:
        found: dict[str, Any] = json.loads(PUBLISHED.read_text())[data]
        rows = [
            [name, *(f"{value:.2f}" for value in values)]
            for name, values in found["rows"].items()
        ]
        return table(["published, per cent", *found["columns"]], rows)

    return made


TABLES: dict[str, Callable[[], str]] = {
    f"published-{data}": _published(data)
    for data in ("tacos", "charades-sta", "didemo")
}
