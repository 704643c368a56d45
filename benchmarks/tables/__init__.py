"""Tables in the docs, made from what was measured.

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->``.
"""

import re
from collections.abc import Callable
from pathlib import Path

from benchmarks.tables import (
    compared,
    data,
    features,
    learned,
    overview,
    protocols,
    search,
)

PAGES = (
    *("docs/data-sets.md", "docs/how-to/pre-extracted-features.md"),
    *("README.md", "docs/results.md", "docs/reproducing.md"),
    *("docs/protocols.md", "docs/features.md", "docs/models.md", "docs/comparison.md"),
)
PLACE = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
TABLES: dict[str, Callable[[], str]] = {
    **overview.TABLES,
    **search.TABLES,
    **learned.TABLES,
    **compared.TABLES,
    **protocols.TABLES,
    **data.TABLES,
    **features.TABLES,
}


def write(root: Path) -> None:
    for page in PAGES:
        path = root / page
        path.write_text(filled(path.read_text()))


def filled(page: str) -> str:
    """The page with every table made anew."""
    return PLACE.sub(lambda m: f"{m[1]}{TABLES[m[2]]().rstrip()}\n{m[3]}", page)
