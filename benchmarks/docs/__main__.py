"""Writes what of the docs is made of the program itself.

    python -m benchmarks.docs [reference] [floors] [search] [page]

Without a word, docs/reference.md and docs/images/floors.svg. ``search`` composes and
searches a film for docs/images/search.webp, which takes a minute; ``page`` opens the page on
four in chromium for docs/images/page.webp and moment.webp.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.docs import floors, moving_picture, page_picture, reference

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MADE: dict[str, Callable[[], object]] = {
    "reference": lambda: (DOCS / "reference.md").write_text(reference.page()),
    "floors": lambda: (DOCS / "images" / "floors.svg").write_text(floors.drawn(ROOT)),
    "page": lambda: page_picture.write(DOCS / "images"),
    "search": lambda: moving_picture.write(DOCS / "images" / "search.webp"),
}
QUICK = "reference", "floors"


def main(wanted: list[str]) -> None:
    if unknown := {*wanted} - MADE.keys():
        sys.exit(
            f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(MADE)}"
        )
    for name in wanted or QUICK:
        MADE[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
