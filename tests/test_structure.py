"""The shape of the program and of its tests, read from their syntax trees.

Which package may import which is a contract of import-linter, in ``pyproject.toml``.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import slta
from slta.features import EXTRACTORS

SOURCE = Path(slta.__file__).parent
TESTS = Path(__file__).parent
PURE = ("moments", "evaluation.metrics")
"""Packages of arithmetic."""
SEES_VIDEO = "video"
"""The package that knows the decoder."""
FILES = {"glob", "importlib", "io", "json", "os", "pathlib", "shutil", "tempfile"}
PICKLES = {"cloudpickle", "cPickle", "dill", "joblib", "marshal", "pickle", "shelve"}
SAFE = {("np", "load"): ("allow_pickle", False)}
SAFE |= {("torch", "load"): ("weights_only", True)}
LONGEST = 450
MOST_AT_THE_TOP = 6
"""Modules of ``src/slta`` that are in no package."""
OF_NO_PACKAGE = {
    "stress",
    *("benchmarks", "docs", "examples", "golden", "reference", "support"),
}
"""Folders of tests."""


def names(folder: Path) -> dict[str, Path]:
    """The files of a folder by their dotted names in it; a package's is its own."""
    dotted = {
        ".".join(path.relative_to(folder).with_suffix("").parts): path
        for path in sorted(folder.rglob("*.py"))
    }
    return {
        name.removesuffix("__init__").removesuffix("."): path
        for name, path in dotted.items()
    }


paths = names(SOURCE)
trees = {name: ast.parse(path.read_text()) for name, path in paths.items()}
test_trees = {name: ast.parse(path.read_text()) for name, path in names(TESTS).items()}


def imported(tree: ast.AST) -> Iterator[str]:
    """The dotted name of all that is imported; a relative one begins with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports_of_tests(tree: ast.AST) -> set[str]:
    """The files of tests among the modules from which something is imported."""
    parts = {part for name in imported(tree) for part in name.split(".")}
    return {part for part in parts if part.startswith("test_")}


def unsafe_loads(tree: ast.AST) -> Iterator[int]:
    """Lines that could run code from a file: loads without the switch against it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"numpy", "torch"}:
            if any(alias.name == "load" for alias in node.names):
                yield node.lineno
        elif isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(ast.Name("np" | "torch" as module), "load"):
                    switch, safe = SAFE[module, "load"]
                    given = {
                        k.arg: getattr(k.value, "value", ...) for k in node.keywords
                    }
                    if given.get(switch, ...) is not safe:
                        yield node.lineno
                case ast.Attribute(ast.Name("numpy"), "load"):
                    yield node.lineno


def asks_for_a_name(tree: ast.AST, names: set[str]) -> Iterator[int]:
    """Lines that compare something with one of these names, or with its start."""
    for node in ast.walk(tree):
        asked: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            asked = [node.value]
        elif isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(_, "startswith" | "endswith"):
                    asked = node.args
        words = {
            part.value.rstrip(":")
            for each in asked
            for part in ast.walk(each)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        }
        if words & names:
            yield node.lineno  # type: ignore[attr-defined]


def touches_files(tree: ast.AST) -> Iterator[str]:
    for name in imported(tree):
        if name.split(".")[0] in FILES:
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name == "open" or name in {"np.load", "np.save", "np.memmap"}:
                yield name


def inside(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def test_modules_of_ours_are_imported_by_their_whole_names() -> None:
    relative = [
        (name, other)
        for name, tree in (trees | test_trees).items()
        for other in imported(tree)
        if other.startswith(".")
    ]
    assert not relative


def test_arithmetic_knows_neither_models_nor_files() -> None:
    allowed = ("errors", *PURE)
    arithmetic = {n: t for n, t in trees.items() if any(inside(n, p) for p in PURE)}
    assert len(arithmetic) > len(PURE)
    for name, tree in arithmetic.items():
        ours = {o.removeprefix("slta.") for o in imported(tree) if inside(o, "slta")}
        foreign = {o for o in ours if not any(inside(o, each) for each in allowed)}
        assert not foreign, name
        assert not list(touches_files(tree)), name


def test_only_the_package_of_video_knows_the_decoder() -> None:
    knowing = {
        name
        for name, tree in trees.items()
        for other in imported(tree)
        if other.split(".")[0] == "av"
    }
    assert knowing and all(inside(name, SEES_VIDEO) for name in knowing)


def test_no_one_asks_for_an_extractor_by_name() -> None:
    asking = {}
    for name, tree in trees.items():
        # Its own file may: there, the word can be the type of the weights.
        own = name.rpartition(".")[2].replace("_", "-")
        asking[name] = list(asks_for_a_name(tree, EXTRACTORS.keys() - {own}))
    asking = {name: lines for name, lines in asking.items() if lines}
    assert not asking, "what differs belongs behind the extractor's signature"


def test_no_two_public_classes_share_a_name() -> None:
    classes = Counter(
        node.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert not [name for name, count in classes.items() if count > 1]


def test_few_modules_are_in_no_package() -> None:
    alone = {path.name for path in SOURCE.glob("*.py")} - {"__init__.py"}
    assert len(alone) <= MOST_AT_THE_TOP, sorted(alone)


def test_every_folder_of_tests_is_that_of_a_package() -> None:
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.py")}
    packages = {path.parent.relative_to(SOURCE) for path in paths.values()}
    strange = {f for f in folders - packages if f.parts[0] not in OF_NO_PACKAGE}
    assert not strange


def test_no_file_of_tests_imports_another() -> None:
    files = {name.rpartition(".")[2] for name in test_trees}
    importing = {
        name: found
        for name, tree in test_trees.items()
        if (found := imports_of_tests(tree) & files)
    }
    assert not importing, "what tests share belongs into tests/support"


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in paths.items()}
    assert not {name: n for name, n in lines.items() if n > LONGEST}


def test_nothing_that_is_read_can_run_code() -> None:
    pickling = {
        name: other
        for name, tree in trees.items()
        for other in imported(tree)
        if other.split(".")[0] in PICKLES
    }
    assert not pickling
    loading = {
        name: lines for name, tree in trees.items() if (lines := [*unsafe_loads(tree)])
    }
    assert not loading, "np.load needs allow_pickle=False, torch.load weights_only=True"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("import tests.models.test_slta", {"test_slta"}, id="a module"),
        pytest.param("from tests.models import test_slta", {"test_slta"}, id="from"),
        pytest.param("from tests.test_files import x", {"test_files"}, id="a name"),
        pytest.param("def f():\n    import test_slta", {"test_slta"}, id="late"),
        pytest.param("from tests.support import batches", set(), id="no tests"),
    ],
)
def test_imports_of_tests_are_seen(line: str, expected: set[str]) -> None:
    assert imports_of_tests(ast.parse(line)) == expected


@pytest.mark.parametrize(
    ("line", "is_safe"),
    [
        pytest.param("np.load(p, allow_pickle=False)", True, id="numpy"),
        pytest.param("np.load(p)", False, id="numpy, unsaid"),
        pytest.param("np.load(p, allow_pickle=True)", False, id="numpy, pickled"),
        pytest.param("np.load(p, allow_pickle=given)", False, id="numpy, depends"),
        pytest.param("np.load(p, **given)", False, id="numpy, hidden"),
        pytest.param("numpy.load(p)", False, id="numpy, by its whole name"),
        pytest.param("torch.load(p, weights_only=True)", True, id="torch"),
        pytest.param("torch.load(p)", False, id="torch, unsaid"),
        pytest.param("torch.load(p, weights_only=False)", False, id="torch, pickled"),
        pytest.param("torch.load(p, weights_only=1)", False, id="torch, not quite"),
        pytest.param("from torch import load", False, id="torch, renamed"),
        pytest.param("json.load(p)", True, id="another load"),
    ],
)
def test_unsafe_loads_are_seen(line: str, is_safe: bool) -> None:
    assert bool(list(unsafe_loads(ast.parse(line)))) is not is_safe


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        pytest.param("if extractor.id == 'x': pass", True, id="equal"),
        pytest.param("if 'x' != name: pass", True, id="different, turned around"),
        pytest.param("y = name in ('w', 'x')", True, id="one of several"),
        pytest.param("if name.startswith('x:'): pass", True, id="its start"),
        pytest.param("match name:\n    case 'x': pass", True, id="a case"),
        pytest.param("if kind not in EXTRACTORS: pass", False, id="known or not"),
        pytest.param("name: str = 'x'", False, id="a default"),
        pytest.param("if name == 'other': pass", False, id="another name"),
    ],
)
def test_questions_for_a_name_are_seen(line: str, asks: bool) -> None:
    assert bool(list(asks_for_a_name(ast.parse(line), {"x"}))) is asks


@pytest.mark.parametrize(
    ("line", "touches"),
    [
        pytest.param("from pathlib import Path", True, id="paths"),
        pytest.param("import os.path", True, id="the system"),
        pytest.param("open(name)", True, id="opening"),
        pytest.param("np.save(name, values)", True, id="saving"),
        pytest.param("from math import inf", False, id="arithmetic"),
    ],
)
def test_use_of_files_is_seen(line: str, touches: bool) -> None:
    assert bool(list(touches_files(ast.parse(line)))) is touches
