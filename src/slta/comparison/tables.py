"""A comparison as a table: Markdown, CSV or LaTeX."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slta.errors import InputError
from slta.evaluation.protocols import PROTOCOLS
from slta.files import check_writable, write_whole

BASELINES = {"moment prior": "moment frequencies", "query only": "query frequencies"}
"""Non-parametric baselines, by their names in the JSON."""
MARK = "made by slta compare"
"""In the first line, so that no other file is written over."""
FIELDS = (
    *("run", "model", "data", "seed", "split", "protocol", "metric"),
    *("value", "low", "high"),
    *("learning_rate", "steps", "parameters", "seconds", "commit"),
)
Found = Mapping[str, Any]
"""A comparison, as the JSON has it."""


class Cell(NamedTuple):
    """A measure with its 95 % interval, as shares."""

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
    """None of a baseline."""
    cells: Sequence[Cell | None]


class SplitTable(NamedTuple):
    """What Markdown and LaTeX show."""

    title: str
    about: str
    measures: Sequence[str]
    rows: Sequence[Row]


def write(path: Path, found: Found) -> None:
    write_whole(path, WRITERS[path.suffix.lower()](found))


def check(path: Path) -> None:
    """Raises ``InputError`` for a file that is no table or may not be written over."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(
            f"--table {path} ends in {path.suffix or 'no suffix'!r}; name a file that "
            f"ends in {', '.join(WRITERS)}"
        )
    check_writable(path)
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as file:
            line = file.readline(200)
        if line.strip() and MARK not in line and line.strip() != ",".join(FIELDS):
            raise InputError(
                f"{path} is there and is no table of a comparison; name another file "
                "with --table"
            )


def baseline(kind: str) -> str:
    """What a non-parametric baseline is called in tables."""
    return f"{BASELINES.get(kind, kind)} (estimated from train)"


def tables(found: Found) -> list[SplitTable]:
    """A table for each split, with the protocol's main measures."""
    return [_table(found, split) for split in found["splits"]]


def _table(found: Found, split: str) -> SplitTable:
    models = found["models"]
    of_split = {name: row[split] for name, row in models.items()}
    blind = found["without video"][split]
    measures = [
        name
        for name in PROTOCOLS[found["protocol"]].shown
        if any(name in row for row in of_split.values())
    ]
    rows = [
        Row(
            models[name]["label"],
            len(models[name]["seeds"]),
            [_cell(row.get(each), "mean") for each in measures],
        )
        for name, row in of_split.items()
    ]
    rows += [
        Row(baseline(kind), None, [_cell(row.get(each), "value") for each in measures])
        for kind, row in blind.items()
    ]
    first = next(iter(of_split.values()))
    about = (
        f"{first['queries']} queries of {first['videos']} videos, protocol "
        f"{found['protocol']}; per cent with 95 % intervals over videos, means over seeds"
    )
    return SplitTable(f"{found['data']}, {split}", about, measures, _with_best(rows))


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


def markdown(found: Found) -> str:
    lines = [f"<!-- {MARK} -->"]
    for table in tables(found):
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
    """As code, in which Markdown marks nothing; a bar would end the cell all the same."""
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
"""What LaTeX would take for something else."""


def latex(found: Found) -> str:
    lines = [f"% {MARK}; needs \\usepackage{{booktabs}}"]
    for table in tables(found):
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


def as_csv(found: Found) -> str:
    """A row for each run, split and measure, all of the protocol's; shares in [0, 1]."""
    text = io.StringIO()
    lines = csv.DictWriter(text, FIELDS, lineterminator="\n")
    lines.writeheader()
    for row in found["models"].values():
        for number, seed in enumerate(row["seeds"]):
            run = {
                "run": row["runs"][number],
                "model": row["label"],
                "data": found["data"],
                "seed": seed,
                "protocol": found["protocol"],
                "seconds": row["seconds"][number],
                "commit": row["commits"][number],
                **{
                    name: row[name] for name in ("learning_rate", "steps", "parameters")
                },
            }
            for split in found["splits"]:
                for metric, numbers in row[split].items():
                    if isinstance(numbers, Mapping):
                        low, high = numbers["seed_intervals"][number]
                        value = numbers["seeds"][number]
                        more = {"split": split, "metric": metric, "value": value}
                        lines.writerow({**run, **more, "low": low, "high": high})
    return text.getvalue()


WRITERS: dict[str, Callable[[Found], str]] = {
    ".md": markdown,
    ".csv": as_csv,
    ".tex": latex,
}
"""By the suffix of the file."""
