"""Zero-shot search in three lines for README, and the data sets and models by name."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.tables.cells import load, percent, table
from slta.datasets import SOURCES
from slta.experiments import DATA
from slta.models import MODELS, class_of, sees_whole_videos


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


def _models() -> str:
    folder = Path(__file__).parents[2] / "docs" / "models"
    pages = [page for page in sorted(folder.glob("*.md")) if page.stem != "index"]
    rows = []
    for name, builder in MODELS.items():
        model = class_of(builder)
        page = next(
            page
            for page in sorted(pages, key=lambda page: page.stem != name)
            if page.stem == name or f"`{name}`" in page.read_text()
        )
        kind = "whole video" if sees_whole_videos(builder) else "candidates"
        paper = model.paper.rpartition(", ")[2].partition(":")[0]
        rows.append([f"[`{name}`]({page.name})", paper, kind, model.needs])
    return table(["model", "paper", "kind", "reads"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "headline": _headline,
    "data-sets": _data_sets,
    "models": _models,
}
