"""Links of the pages, and pages that the code names, lead somewhere."""

import re
from pathlib import Path

import pytest
from benchmarks.tables import pages

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [str(page.relative_to(ROOT)) for page in pages(ROOT)] + ["CONTRIBUTING.md"]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(page: str) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def broken(page: Path) -> list[str]:
    """Its links and images that are not there, or whose heading no page has."""
    wrong = []
    for link in LINK.findall(page.read_text()):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if "://" in link:
            continue
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text())
        ):
            wrong.append(link)
    return wrong


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One `two`, three\n[a](#one-two-three) [b](#one) ![c](no.png)\n")
    assert broken(page) == ["#one", "no.png"]


@pytest.mark.parametrize("page", GUIDES)
def test_links_lead_to_a_file_and_a_heading(page: str) -> None:
    assert broken(ROOT / page) == []


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (ROOT / page).parent.joinpath(link.partition("#")[0]).resolve()
        for page in GUIDES
        for link in LINK.findall((ROOT / page).read_text())
        if "://" not in link
    }
    alone = {page for page in GUIDES if (ROOT / page) not in linked} - {"README.md"}
    assert not alone


def test_code_names_pages_that_are_there() -> None:
    named = {
        name
        for folder in ("src", "benchmarks", "tests", "examples")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"docs/[\w/.-]+\.(?:md|json)\b", path.read_text())
    }
    assert {"docs/protocols.md", "docs/models/slta.md"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
