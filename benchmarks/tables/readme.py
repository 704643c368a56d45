"""What README tells of zero-shot search."""

from collections.abc import Callable

from benchmarks.tables.cells import load, percent, table


def _headline() -> str:
    found, trust = load("questions"), load("trust")
    videos = f"{trust['videos']} videos"
    hits = [
        f"{sum(row['iou'] >= 0.5 for row in found[film])} of {len(found[film])}"
        for film in ("photo_film", "video_film")
    ]
    return table(
        ["zero-shot search", "measured"],
        [
            [f"query shown: clear match ({videos})", percent(trust["present_clear"]) + " %"],
            [f"query not shown: no clear match ({videos})", percent(trust["absent_told"]) + " %"],
            ["first moment right (film of photographs; of real videos)", "; ".join(hits)],
        ],
    )


TABLES: dict[str, Callable[[], str]] = {"headline": _headline}
