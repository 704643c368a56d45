"""What README and docs say can be followed: files, commands, names; and they are short."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from benchmarks.docs import reference

from benchmarks import tables
from slta.cli.arguments import Moved
from slta.datasets import SOURCES
from slta.experiments import DATA, experiment
from slta.extensions import is_file
from slta.features import EXTRACTORS, WORDS
from slta.features.layouts import LAYOUTS
from tests.support.indexed_films import known

ROOT = Path(__file__).resolve().parents[2]
PAGES = tables.pages(ROOT)
GUIDES = [*PAGES, ROOT / "CONTRIBUTING.md"]
MOST_WORDS = 16_800
"""Outside of the code between fences, and of the reference, which is generated."""
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|json|toml|md|npy|webp|svg))`")
COMMAND = re.compile(r"^ {4}(slta .*)$|`(slta [^`]+)`", re.MULTILINE)


class Command(NamedTuple):
    page: str
    words: tuple[str, ...]

    @property
    def verbs(self) -> tuple[str, ...]:
        """The command, and of ``slta data`` the one below it."""
        places = 3 if self.words[1:2] == ("data",) else 2
        return tuple(word for word in self.words[1:places] if word[0] != "-")

    @property
    def options(self) -> set[str]:
        return {
            word.partition("=")[0] for word in self.words if re.match("--[a-z]", word)
        }

    def value(self, option: str) -> str | None:
        at = self.words.index(option) if option in self.words else -1
        return self.words[at + 1] if at >= 0 else None


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands() -> Iterator[Command]:
    """Each that begins a line of code, or stands in backticks."""
    for page in GUIDES:
        for match in COMMAND.finditer(page.read_text()):
            words = shlex.split((match[1] or match[2]).partition(" #")[0])
            yield Command(named(page), tuple(words))


@cache
def options_of(verbs: tuple[str, ...]) -> set[str]:
    found = {*re.findall(r"--[\w.-]+", reference.help_of(verbs)), "--help", "--version"}
    if verbs == ("train",):
        found |= {f"--{each.name}" for each in fields(Moved)}
        for flag in reference.fields_of_experiments():
            section, field = flag.replace("_", "-").split(".")
            found |= {f"--{section}.{field}", f"--{section}.no-{field}"}
    return found


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_every_file_that_is_named_exists(page: Path) -> None:
    homes = (ROOT, ROOT / "src" / "slta", ROOT / "benchmarks" / "results", page.parent)
    for name in FILE.findall(page.read_text()):
        if not re.search(r"[A-Z]{3}|…|/videos/|^own/", name):
            assert any((home / name).exists() for home in homes), name


def test_readme_and_docs_are_short() -> None:
    prose = {named(page): FENCE.sub("", page.read_text()) for page in PAGES}
    del prose["docs/reference.md"]
    counts = {page: len(text.split()) for page, text in prose.items()}
    assert sum(counts.values()) <= MOST_WORDS, counts


def test_every_command_in_the_docs_exists_with_its_options() -> None:
    known = {tuple(usage.split()[1:3]) for usage, _ in reference.commands()}
    known |= {verbs[:1] for verbs in known}
    found = [*commands()]
    assert len(found) > 40
    for each in found:
        if not each.verbs:
            assert each.words == ("slta", "--version")
            continue
        assert each.verbs in known, each
        assert each.options <= options_of(each.verbs), each


def test_every_model_and_data_set_in_a_command_is_known() -> None:
    asked = [each for each in commands() if each.verbs == ("train",)]
    asked = [
        each for each in asked if each.value("--on") not in (None, "DATA", "my_data")
    ]
    assert len(asked) > 5
    for each in asked:
        model, on = each.words[2], each.value("--on")
        # Of a file that the reader writes, only the data set is known.
        unwritten = model == "MODEL" or is_file(model)
        experiment("slta" if unwritten else model, str(on))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("docs/features.md", {*EXTRACTORS, *WORDS}),
        ("docs/how-to/pre-extracted-features.md", {*LAYOUTS}),
        ("docs/data-sets.md", {*SOURCES, *DATA}),
    ],
)
def test_every_name_that_can_be_given_is_on_its_page(
    page: str, names: set[str]
) -> None:
    text = (ROOT / page).read_text()
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert not missing


def test_the_two_commands_of_readme_are_targets_of_make() -> None:
    targets = re.findall(r"^([\w ]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = " ".join(targets).split()
    asked = re.findall(r"^ {4}make (\w+)", (ROOT / "README.md").read_text(), re.M)
    assert asked == ["demo", "test"] and {*asked} <= {*made}


@pytest.mark.slice
def test_the_python_of_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (tmp_path / "film.mp4").symlink_to(known().film)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert re.match(r"(True|False) \d+\.\d+-\d+\.\d+ s\n", capsys.readouterr().out)
