"""A comparison as a table: Markdown, CSV or LaTeX."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slta.errors import InputError
from slta.evaluation.measuring import without_moment
from slta.evaluation.protocols import PROTOCOLS
from slta.files import check_writable, write_whole

BASELINES = {"moment prior": "moment frequencies", "query only": "query frequencies"}
"""Names of the non-parametric baselines, by their earlier names in the JSON."""
MARK = "made by slta compare"
"""Text of a table's first line; a file without it is not overwritten."""
FIELDS = (
    *("run", "model", "data", "seed", "split", "protocol", "metric"),
    *("value", "low", "high"),
    *("learning_rate", "steps", "parameters", "seconds", "commit"),
)
Comparison = Mapping[str, Any]
"""The JSON of a comparison."""


class Cell(NamedTuple):
    """A metric with its 95 % interval, as fractions."""

    value: float
    low: float
    high: float
    best: bool = False

    @property
    def percent(self) -> str:
        return f"{100 * self.value:.1f}"

    @property
    def interval(self) -> str:
        return f"[{100 * self.low:.1f}, {100 * self.high:.1f}]"


class Row(NamedTuple):
    name: str
    seeds: int | None
    """None for a baseline."""
    cells: Sequence[Cell | None]


class SplitTable(NamedTuple):
    """The table of a split in Markdown and LaTeX."""

    title: str
    about: str
    measures: Sequence[str]
    rows: Sequence[Row]


def write(path: Path, comparison: Comparison) -> None:
    write_whole(path, WRITERS[path.suffix.lower()](comparison))


def check(path: Path) -> None:
    """Raises ``InputError`` for a file name or an existing file that is not a table."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(
            f"--table {path} is not a supported format; give a file that ends in "
            f"{', '.join(WRITERS)}"
        )
    check_writable(path)
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            line = file.readline(200)
        if line.strip() and MARK not in line and line.strip() != ",".join(FIELDS):
            raise InputError(
                f"{path} exists and is not a table of a comparison; give another file "
                "with --table"
            )


def baseline(kind: str) -> str:
    """Name of a non-parametric baseline in tables."""
    return f"{BASELINES.get(kind, kind)} (estimated from train)"


def tables(comparison: Comparison) -> list[SplitTable]:
    """A table for each split, with the protocol's main metrics."""
    return [_table(comparison, split) for split in comparison["splits"]]


def _table(comparison: Comparison, split: str) -> SplitTable:
    models = comparison["models"]
    of_split = {name: row[split] for name, row in models.items()}
    blind = comparison["without video"][split]
    measures = [
        name
        for name in PROTOCOLS[comparison["protocol"]].shown
        if any(name in row for row in of_split.values())
    ]
    rows = [
        Row(
            models[name]["label"],
            len(models[name]["seeds"]),
            [_cell(row.get(measure), "mean") for measure in measures],
        )
        for name, row in of_split.items()
    ]
    rows += [
        Row(baseline(kind), None, [_cell(row.get(name), "value") for name in measures])
        for kind, row in blind.items()
    ]
    first = next(iter(of_split.values()))
    # Earlier comparisons do not say how many there are.
    absent = comparison.get("without_moment", {}).get(split, 0)
    about = (
        f"{first['queries']} queries of {first['videos']} videos, protocol "
        f"{comparison['protocol']}{without_moment(absent, comparison['protocol'])}; "
        "percentages with 95 % intervals over videos, means over seeds"
    )
    return SplitTable(
        f"{comparison['data']}, {split}", about, measures, _with_best(rows)
    )


def _cell(number: Mapping[str, Any] | None, mean: str) -> Cell | None:
    return None if number is None else Cell(number[mean], *number["interval"])


def _with_best(rows: Sequence[Row]) -> list[Row]:
    columns = [[*column] for column in zip(*(row.cells for row in rows), strict=True)]
    best = [
        max((cell.value for cell in column if cell), default=math.nan)
        for column in columns
    ]
    return [
        row._replace(
            cells=[
                cell and cell._replace(best=math.isclose(cell.value, most))
                for cell, most in zip(row.cells, best, strict=True)
            ]
        )
        for row in rows
    ]


def markdown(comparison: Comparison) -> str:
    lines = [f"<!-- {MARK} -->"]
    for table in tables(comparison):
        lines += ["", f"### {table.title}", ""]
        lines.append(_line(["model", "seeds", *table.measures]))
        lines.append(_line(["---", *["---:"] * (1 + len(table.measures))]))
        for row in table.rows:
            name = row.name if row.seeds is None else _code(row.name)
            cells = [_in_markdown(cell) for cell in row.cells]
            lines.append(_line([name, str(row.seeds or ""), *cells]))
        lines += ["", f"{table.about}."]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(name: str) -> str:
    """As code, where Markdown is inactive; a bar is escaped, as it would end the cell."""
    longest = max(map(len, re.findall("`+", name)), default=0)
    fence = "`" * (longest + 1)
    inside = " ".join(name.split()).replace("|", "\\|")
    space = " " if inside[:1] == "`" or inside[-1:] == "`" else ""
    return f"{fence}{space}{inside}{space}{fence}"


def _in_markdown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    mark = "**" if cell.best else ""
    return f"{mark}{cell.percent}{mark} {cell.interval}"


ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{letter: f"\\{letter}" for letter in "#$%&_{}"},
}
"""Escapes of LaTeX's special characters."""


def latex(comparison: Comparison) -> str:
    lines = [f"% {MARK}; needs \\usepackage{{booktabs}}"]
    for table in tables(comparison):
        head = ["Model", "Seeds", *table.measures]
        lines += [
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{_escaped(f'{table.title}: {table.about}.')}}}",
            f"  \\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"    \toprule",
            f"    {_in_latex(map(_escaped, head))}",
            r"    \midrule",
            *_rows_in_latex(row for row in table.rows if row.seeds is not None),
        ]
        if blind := [row for row in table.rows if row.seeds is None]:
            lines += [r"    \midrule", *_rows_in_latex(blind)]
        lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _rows_in_latex(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        cells = [
            "" if cell is None else f"{_bold(cell)} {{\\scriptsize {cell.interval}}}"
            for cell in row.cells
        ]
        yield f"    {_in_latex([_escaped(row.name), str(row.seeds or ''), *cells])}"


def _in_latex(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _bold(cell: Cell) -> str:
    return f"\\textbf{{{cell.percent}}}" if cell.best else cell.percent


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in " ".join(text.split()))


def as_csv(comparison: Comparison) -> str:
    """A row for each run, split and metric of the protocol; values in [0, 1]."""
    text = io.StringIO()
    lines = csv.DictWriter(text, FIELDS, lineterminator="\n")
    lines.writeheader()
    for row in comparison["models"].values():
        for number, seed in enumerate(row["seeds"]):
            run = {
                "run": row["runs"][number],
                "model": row["label"],
                "data": comparison["data"],
                "seed": seed,
                "protocol": comparison["protocol"],
                "seconds": row["seconds"][number],
                "commit": row["commits"][number],
                **{
                    name: row[name] for name in ("learning_rate", "steps", "parameters")
                },
            }
            for split in comparison["splits"]:
                for metric, numbers in row[split].items():
                    if isinstance(numbers, Mapping):
                        low, high = numbers["seed_intervals"][number]
                        value = numbers["seeds"][number]
                        entry = {"split": split, "metric": metric, "value": value}
                        lines.writerow({**run, **entry, "low": low, "high": high})
    return text.getvalue()


WRITERS: dict[str, Callable[[Comparison], str]] = {
    ".md": markdown,
    ".csv": as_csv,
    ".tex": latex,
}
"""Writers by the suffix of the file."""
