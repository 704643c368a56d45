"""Tables in the docs, generated from results/*.json.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``, on any page.
"""

import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.tables import (
    compared,
    data,
    features,
    learned,
    library,
    overview,
    page,
    protocols,
    published,
    search,
)

PLACE = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
TABLES: dict[str, Callable[[], str]] = {
    **overview.TABLES,
    **search.TABLES,
    **library.TABLES,
    **page.TABLES,
    **learned.TABLES,
    **compared.TABLES,
    **protocols.TABLES,
    **published.TABLES,
    **data.TABLES,
    **features.TABLES,
}


def pages(root: Path) -> list[Path]:
    """README and everything under docs."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def write(root: Path) -> None:
    for path in pages(root):
        path.write_text(filled(path.read_text()))


def filled(page: str) -> str:
    """The page with every table generated anew."""
    return PLACE.sub(lambda m: f"{m[1]}{TABLES[m[2]]().rstrip()}\n{m[3]}", page)
