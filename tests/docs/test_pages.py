"""Pages that there must be, and links and references that must lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest
from benchmarks.tables import pages

from slta.evaluation.protocols import PROTOCOLS
from slta.models import MODELS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [str(path.relative_to(ROOT)) for path in pages(ROOT)]
GUIDES = [*PAGES, "CONTRIBUTING.md"]
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
    """Its links to files that are not there, or to headings that no page has."""
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
    page.write_text("# One `two`, three\n[a](#one-two-three) [b](#one) [c](no.md)\n")
    assert broken(page) == ["#one", "no.md"]


@pytest.mark.parametrize("page", GUIDES)
def test_links_lead_to_a_file_and_a_heading(page: str) -> None:
    assert broken(ROOT / page) == []


def test_code_refers_to_pages_that_are_there() -> None:
    named = {
        name
        for folder in ("src", "benchmarks", "tests", "examples")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"docs/[\w/.-]+\.(?:md|json)\b", path.read_text())
    }
    assert {"docs/protocols.md", "docs/models/slta.md"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_its_page(model: str) -> None:
    index = (DOCS / "models" / "index.md").read_text()
    row = re.search(rf"^\| \[`{model}`\]\((\w+\.md)\) \|", index, re.MULTILINE)
    assert row is not None, f"docs/models/index.md has no row of {model}"
    page = (DOCS / "models" / row[1]).read_text()
    assert page.startswith("# ")
    assert f"{model}.md" == row[1] or f"`{model}`" in page


def test_every_protocol_is_described() -> None:
    page = (DOCS / "protocols.md").read_text()
    described = re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)
    assert {*described} == {*PROTOCOLS}


def test_every_image_is_shown() -> None:
    shown = "".join((ROOT / page).read_text() for page in PAGES)
    images = {path.name for path in (DOCS / "images").iterdir()}
    assert [name for name in sorted(images) if f"images/{name})" not in shown] == []


def test_every_dependency_is_named_with_its_use() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project.get("optional-dependencies", {}).values()
    needed = [*project["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.split(r"[\[<>=~; ]", each)[0] for each in needed} - {"slta"}
    page = (DOCS / "decisions" / "0001-dependencies.md").read_text()
    words = {*re.findall(r"[\w-]+", page.lower())}
    assert sorted(names - words) == []
