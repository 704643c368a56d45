"""Zero-shot search in three lines for README, and the data sets by name."""

from collections.abc import Callable

from benchmarks.tables.cells import load, percent, table
from slta.datasets import SOURCES
from slta.experiments import DATA


def _headline() -> str:
    found, trust = load("questions"), load("trust")
    videos = f"{trust['videos']} videos"
    hits = [
        f"{sum(row['iou'] >= 0.5 for row in found[film])} of {len(found[film])}"
        for film in ("photo_film", "video_film")
    ]
    clear, unclear = percent(trust["present_clear"]), percent(trust["absent_told"])
    return table(
        ["zero-shot search", "measured"],
        [
            [f"query shown: clear match ({videos})", f"{clear} %"],
            [f"query not shown: no clear match ({videos})", f"{unclear} %"],
            ["first moment right (photographs; real videos)", "; ".join(hits)],
        ],
    )


def _data_sets() -> str:
    rows = []
    for on, offer in DATA.items():
        name = offer.dataset.name
        source = SOURCES.get(name)
        if source and source.counts:
            counts = (str(count.queries) for count in source.counts.values())
            rows.append([f"`{on}`", f"`{name}`", " / ".join(counts)])
        else:
            rows.append([f"`{on}`", f"`{name}`" if source else "", offer.title])
    return table(["`--on`", "`slta data`", "queries, by split"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "headline": _headline,
    "data-sets": _data_sets,
}
