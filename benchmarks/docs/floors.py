"""docs/images/floors.svg: the packages as import-linter's contract stacks them.

A dot says that the package of its row imports the package of its column.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import grimp

from slta.errors import InputError

ABOUT = {
    "cli": "commands",
    "serve": "page and service of a folder",
    "comparison": "models and seeds, one table",
    "training": "experiment to run",
    "plots": "pictures of answers and runs",
    "export": "moments for other programs",
    "index": "moments of many videos",
    "cluster": "work on many machines",
    "search": "video and query to answer",
    "runs": "run folders, inference",
    "evaluation": "protocols, metrics, file formats",
    "experiments": "a model on a data set",
    "models": "one paper a file",
    "batches": "sampling and padding",
    "datasets": "queries, true spans, Shapes",
    "features": "extractors, text, store",
    "video": "decoding and cutting",
    "moments": "spans, candidates, ranking",
    "ground": "errors, files, fields, progress",
}
"""By floor, in a few words; ``ground`` are the modules of the lowest one."""
GROUND = "ground"
ROW, CELL, TOP, NAMES, LEFT = 26, 26, 96, 104, 340
INK, QUIET, BLUE, BAND = "#1f2328", "#59636e", "#0072b2", "#f1f5f9"
FONT = "font-family='Helvetica, Arial, sans-serif'"


class Floor(NamedTuple):
    name: str
    modules: tuple[str, ...]


def floors(pyproject: Path) -> list[Floor]:
    """From the top, as the contract has them.

    Raises ``InputError`` where it has one that is not described here, or lacks one.
    """
    found = tomllib.loads(pyproject.read_text())
    contracts = found["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if "layers" in each]
    stacked = [tuple(layer.split(" : ")) for layer in contract["layers"]]
    named = [Floor(each[0] if len(each) == 1 else GROUND, each) for each in stacked]
    if odd := {floor.name for floor in named} ^ ABOUT.keys():
        raise InputError(
            f"describe {', '.join(sorted(odd))} in benchmarks/docs/floors.py"
        )
    return named


def imports(stacked: list[Floor]) -> set[tuple[str, str]]:
    """Which floor imports from which, by their names."""
    graph = grimp.build_graph(
        "slta", exclude_type_checking_imports=True, cache_dir=None
    )
    floor_of = {module: floor.name for floor in stacked for module in floor.modules}

    def floor(module: str) -> str | None:
        parts = module.split(".")
        return floor_of.get(parts[1]) if len(parts) > 1 else None

    pairs = {
        (floor(module), floor(other))
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
    }
    return {(one, other) for one, other in pairs if one and other and one != other}


def svg(stacked: list[Floor], pairs: set[tuple[str, str]]) -> str:
    """A row a floor, from the top; a column a floor, in the same order."""
    names = [floor.name for floor in stacked]
    width, height = LEFT + CELL * len(names) + 40, TOP + ROW * len(names) + 14
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
        f"width='{width}' height='{height}' {FONT} font-size='13'>",
        "<title>Packages of slta and what each imports</title>",
        f"<rect width='{width}' height='{height}' fill='white'/>",
    ]
    parts += [_head(name, i) for i, name in enumerate(names)]
    for row, name in enumerate(names):
        y = TOP + ROW * row
        if row % 2 == 0:
            parts.append(
                f"<rect x='8' y='{y}' width='{width - 16}' height='{ROW}' fill='{BAND}'/>"
            )
        parts += [
            _text(16, y + 18, name, INK, " font-weight='bold'"),
            _text(16 + NAMES, y + 18, ABOUT[name], QUIET),
            _place(row, row, "rect"),
        ]
        parts += [
            _place(row, column, "circle")
            for column, other in enumerate(names)
            if (name, other) in pairs
        ]
    return "\n".join([*parts, "</svg>", ""])


def _head(name: str, column: int) -> str:
    x = LEFT + CELL * column + CELL // 2
    turned = f" transform='rotate(-45 {x} {TOP - 8})'"
    return _text(x, TOP - 8, name, QUIET, turned)


def _text(x: int, y: int, text: str, colour: str, more: str = "") -> str:
    return f"<text x='{x}' y='{y}' fill='{colour}'{more}>{escape(text)}</text>"


def _place(row: int, column: int, kind: str) -> str:
    x, y = LEFT + CELL * column + CELL // 2, TOP + ROW * row + ROW // 2
    if kind == "circle":
        return f"<circle cx='{x}' cy='{y}' r='5' fill='{BLUE}'/>"
    return f"<rect x='{x - 4}' y='{y - 4}' width='8' height='8' fill='#c4ccd4'/>"


def drawn(root: Path) -> str:
    stacked = floors(root / "pyproject.toml")
    return svg(stacked, imports(stacked))
