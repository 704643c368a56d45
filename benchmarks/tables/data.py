"""Nouns and training pairs, compared with the SLTA release."""

from collections.abc import Callable

from benchmarks.tables.cells import Row, load, measured, percent, table, two


def _nouns() -> str:
    rows = []
    for name, found in load("nouns")["sets"].items():
        sentences, both = found["sentences"], found["both"]
        every = both + found["only theirs"] + found["only ours"]
        rows.append(
            [
                name,
                sentences,
                f"{percent(found['equal'] / sentences)} %",
                f"{percent(found['equal but for pronouns'] / sentences)} %",
                f"{percent(both / every)} %",
            ]
        )
    head = ["", "sentences", "same nouns", "but for pronouns", "of all nouns"]
    return table(head, rows)


def _pairs() -> str:
    """How many of the release's training pairs are made from the annotations, too."""
    sets: dict[str, Row] = load("pairs")["sets"]
    rows: list[list[object]] = [
        ["in the release", *(each["released"] for each in sets.values())],
        ["generated here", *(each["made"] for each in sets.values())],
        ["equal", *(each["equal"] for each in sets.values())],
        ["equal, share of all", *(f"{two(e['share'])} %" for e in sets.values())],
    ]
    for side, shown in (("only_made", "generated"), ("only_released", "released")):
        counts = (sum(each[side].values()) for each in sets.values())
        rows.append([f"{shown} only", *counts])
    return table(["training pairs", *sets], rows)


TABLES: dict[str, Callable[[], str]] = {
    "nouns": lambda: _nouns() + measured("nouns"),
    "pairs": lambda: _pairs() + measured("pairs"),
}
