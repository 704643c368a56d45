from pathlib import Path

import pytest

from benchmarks import tables

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "page", [str(page.relative_to(ROOT)) for page in tables.pages(ROOT)]
)
def test_the_tables_in_the_docs_are_what_was_measured(page: str) -> None:
    text = (ROOT / page).read_text()
    assert tables.filled(text) == text, "run: python -m benchmarks tables"


def test_every_table_is_on_a_page() -> None:
    pages = "".join(page.read_text() for page in tables.pages(ROOT))
    named = {match[2] for match in tables.PLACE.finditer(pages)}
    assert named == set(tables.TABLES)
