"""Nouns and training pairs, against the release's."""

from collections.abc import Callable

from benchmarks.tables.cells import load, measured, percent, table, two


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
    found = load("pairs")
    rows = [
        [
            f"training pairs of {name}, equal to the release's",
            "98 %",
            f"{two(each['share'])} % ({each['equal']}; the release has "
            f"{each['released']}, made anew {each['made']})",
        ]
        for name, each in found["sets"].items()
    ]
    unfitted = f"{two(found['unfitted_share'])} %"
    rows.append(["Charades-STA, without the rule fitted below", "", unfitted])
    seconds = f"{found['check']['seconds']} s"
    rows.append(
        ["checking Charades-STA's annotations, all but starting", "under 10 s", seconds]
    )
    return table(["what", "goal", "measured"], rows)


def _differences() -> str:
    sides = {"only_made": "made anew only", "only_released": "in the release only"}
    return table(
        ["data set", "pairs", "where", "reason"],
        [
            [name, count, shown, reason]
            for name, each in load("pairs")["sets"].items()
            for side, shown in sides.items()
            for reason, count in each[side].items()
        ],
    )


TABLES: dict[str, Callable[[], str]] = {
    "nouns": _nouns,
    "pairs": _pairs,
    "pair-differences": _differences,
    "about-nouns": lambda: measured("nouns"),
    "about-pairs": lambda: measured("pairs"),
}
