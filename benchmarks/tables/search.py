"""Zero-shot search."""

from collections.abc import Callable
from typing import Any

from benchmarks.tables.cells import Row, load, measured, table


def _goals() -> str:
    found, speed = load("questions"), load("speed")
    photo, real = found["photo_film"], found["video_film"]
    absent = [found["absent_from_photo_film"], found["absent_from_video_film"]]
    bottle = sum(found["bottle"][0]["overlap"])
    first, again = speed["first_search_shell"], speed["second_search_shell"]
    python = speed["second_search_python_ms"]
    refused = "; ".join(
        f"{sum(not row['clear'] for row in rows)}/{len(rows)}" for rows in absent
    )
    doubted = sum(not row["clear"] for row in photo)
    times = f"{speed['real_film']['extraction_times_real_time']} times"
    memory = [first[name]["peak_memory_mb"] for name in ("minute", "two_hours")]
    shell = [again[name]["seconds"] for name in ("film", "two_hours")]
    rows = [
        ["film of photographs: R@1, IoU=0.5", "8/10", _hits(photo)],
        ["film of real videos: R@1, IoU=0.5", "5/7", _hits(real)],
        ["a hand picks up a bottle: correct of the first 3", "3", bottle],
        [
            "absent queries called no clear match (photographs; videos)",
            "4/5",
            refused,
        ],
        [
            "present queries called no clear match (photographs)",
            "at most 2/10",
            f"{doubted}/{len(photo)}",
        ],
        ["feature extraction, 640x360 H.264", "80 times real time", times],
        ["peak memory: 1 minute; 2 hours", "under 1 GB", _both(memory, "MB")],
        ["second search, shell: 92 s; 2 hours", "under 3 s", _both(shell, "s")],
        [
            "second search, Python: 92 s; 2 hours",
            "30 ms; 100 ms",
            _both([python[name] for name in ("film", "two_hours")], "ms"),
        ],
    ]
    return table(["zero-shot search", "goal", "measured"], rows)


def _both(values: list[Any], unit: str) -> str:
    return "; ".join(f"{value} {unit}" for value in values)


def _hits(rows: list[Row]) -> str:
    return f"{sum(row['iou'] >= 0.5 for row in rows)}/{len(rows)}"


def _confidence() -> str:
    here, fitted = load("trust"), load("calibration")
    goals = {
        "absent_told": ("absent: no clear match", "≥93"),
        "nonsense_told": ("nonsense: no clear match, or refused", "≥97"),
        "present_clear": ("present: clear match", "≥80"),
        "area_absent": ("AUROC, present and absent", "≥0.93"),
        "area_nonsense": ("AUROC, present and nonsense", "≥0.94"),
        "right_video": (
            "correct video ranked first (sentences; phrases)",
            "≥70",
        ),
        "calibration_error": ("expected calibration error", ""),
    }

    def cell(found: Row, name: str) -> str:
        value = found[name]
        if name == "right_video":
            return "; ".join(
                f"{100 * value[kind]:.0f}" for kind in ("sentences", "phrases")
            )
        if name.startswith(("area", "calibration")):
            return f"{value:.3f}"
        return f"{100 * value:.1f}"

    held_out = f"{here['videos']} held-out videos"
    return table(
        [
            "confidence, per cent",
            "goal",
            held_out,
            f"{fitted['videos']} calibration clips",
        ],
        [
            [what, goal, cell(here, name), cell(fitted, name)]
            for name, (what, goal) in goals.items()
        ],
    )


TABLES: dict[str, Callable[[], str]] = {
    "goals": lambda: _goals() + measured("questions", "speed"),
    "confidence": lambda: _confidence() + measured("trust", "calibration"),
}
