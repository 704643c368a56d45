"""What there is has its page: models, protocols, dependencies; every image is shown."""

import re
import tomllib
from pathlib import Path

import pytest
from benchmarks.tables import pages

from slta.evaluation.protocols import PROTOCOLS
from slta.models import MODELS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_its_page(model: str) -> None:
    index = (DOCS / "models" / "index.md").read_text()
    row = re.search(rf"^\| \[`{model}`\]\((\w+\.md)\) \|", index, re.MULTILINE)
    assert row is not None, f"docs/models/index.md has no row of {model}"
    page = (DOCS / "models" / row[1]).read_text()
    assert page.startswith("# ")
    assert row[1] == f"{model}.md" or f"`{model}`" in page


def test_every_page_of_a_model_is_in_the_index() -> None:
    index = (DOCS / "models" / "index.md").read_text()
    named = {page.name for page in (DOCS / "models").glob("*.md")} - {"index.md"}
    assert named == {*re.findall(r"^\| \[`\w+`\]\((\w+\.md)\) \|", index, re.MULTILINE)}


def test_every_protocol_is_described() -> None:
    page = (DOCS / "protocols.md").read_text()
    described = re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)
    assert {*described} == {*PROTOCOLS}


def test_every_decision_is_in_its_index() -> None:
    folder = DOCS / "decisions"
    index = (folder / "README.md").read_text()
    assert {page.name for page in folder.glob("0*.md")} == {
        *re.findall(r"\]\((0[\w-]+\.md)\)", index)
    }


def test_every_dependency_is_named_with_its_use() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project.get("optional-dependencies", {}).values()
    needed = [*project["dependencies"], *(each for extra in extras for each in extra)]
    names = {re.split(r"[\[<>=~; ]", each)[0] for each in needed} - {"slta"}
    page = (DOCS / "decisions" / "0001-dependencies.md").read_text()
    words = {*re.findall(r"[\w-]+", page.lower())}
    assert sorted(names - words) == []


def test_every_image_is_shown() -> None:
    shown = "".join(page.read_text() for page in pages(ROOT))
    images = {path.name for path in (DOCS / "images").iterdir()}
    assert [name for name in sorted(images) if f"images/{name})" not in shown] == []
