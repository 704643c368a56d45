"""Cells, rows and footnotes of the generated tables."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
Row = dict[str, Any]


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def table(head: list[str], rows: list[list[Any]]) -> str:
    first, *others = (
        "| " + " | ".join(map(str, line)) + " |" for line in (head, *rows)
    )
    return "\n".join([first, "|---" * len(head) + "|", *others]) + "\n"


def measured(*names: str) -> str:
    """Where the numbers lie, with commit and date, and each machine once."""
    at: dict[str, list[str]] = {}
    for name in names:
        about = load(name)["about"]
        told = f"`{name}.json`: commit {about['commit']}, {about['date']}"
        at.setdefault(machine(about["machine"]), []).append(told)
    return (
        "\n" + "; ".join(f"{', '.join(told)}, {on}" for on, told in at.items()) + ".\n"
    )


def machine(described: str) -> str:
    """Processor and cores, without the software."""
    return described.split(", Linux")[0]


def percent(value: float, interval: list[float] | None = None) -> str:
    # Plus 0.0, as a rounded -0.0 would keep its sign.
    shown, *ends = (
        f"{round(100 * each, 1) + 0.0:.1f}" for each in (value, *(interval or ()))
    )
    return f"{shown} [{','.join(ends)}]" if ends else shown


def share(found: Row, sign: str = "") -> str:
    """In percent, with its interval."""
    low, high = (100 * end for end in found["interval"])
    return f"{100 * found['value']:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


def seeds(counts: dict[str, int]) -> str:
    """How many trainings the rows are means of: the usual number, then the others."""
    (usual, _), *others = Counter(counts.values()).most_common()
    told = "".join(
        f"; {count}: {', '.join(name for name in counts if counts[name] == count)}"
        for count, _ in others
    )
    return f"Seeds: {usual}{told}."


def two(share: float) -> str:
    return f"{100 * share:.2f}"
