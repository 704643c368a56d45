"""What tables are made of."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
Row = dict[str, Any]


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return content


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def measured(name: str) -> str:
    about = load(name)["about"]
    return (
        f"\nMeasured with `{about['command']}` at commit {about['commit']}, "
        f"{about['date']}, on {about['machine']}.\n"
    )


def percent(value: float, interval: list[float] | None = None) -> str:
    shown = f"{100 * value:.1f}"
    if interval is None:
        return shown
    return f"{shown} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def share(found: Row, sign: str = "") -> str:
    """In percent, with its interval."""
    low, high = (100 * end for end in found["interval"])
    return f"{100 * found['value']:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


def two(share: float) -> str:
    return f"{100 * share:.2f}"


def span(seconds: list[float]) -> str:
    return f"{seconds[0]:.1f}-{seconds[1]:.1f} s"


def counted(parameters: int) -> str:
    if parameters < 1e5:
        return f"{parameters / 1e3:.1f} thousand"
    return f"{parameters / 1e6:.{1 if parameters >= 1e7 else 2}f} million"
