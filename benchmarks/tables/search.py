"""Search without training."""

from collections.abc import Callable

from benchmarks.tables.cells import Row, load, measured, span, table


def _goals() -> str:
    found, speed = load("questions"), load("speed")
    photo, real = found["photo_film"], found["video_film"]
    absent = [found["absent_from_photo_film"], found["absent_from_video_film"]]
    bottle = sum(found["bottle"][0]["overlap"])
    first, again = speed["first_search_shell"], speed["second_search_shell"]
    refused = " and ".join(
        str(sum(not row["clear"] for row in rows)) for rows in absent
    )
    doubted = sum(not row["clear"] for row in photo)
    return table(
        ["what", "goal", "measured"],
        [
            [
                "film of photographs: right at rank 1, IoU ≥ 0.5",
                "8 of 10",
                f"{_hits(photo)} of {len(photo)}",
            ],
            [
                "film of real videos: right at rank 1, IoU ≥ 0.5",
                "5 of 7",
                f"{_hits(real)} of {len(real)}",
            ],
            [
                "a hand picks up a bottle: of the first 3 moments, with a hand",
                "3",
                bottle,
            ],
            [
                "not in the film: told so (photographs; real videos)",
                "4 of 5",
                f"{refused} of 5",
            ],
            [
                "in the film of photographs, but told that it is not",
                "at most 2 of 10",
                f"{doubted} of {len(photo)}",
            ],
            [
                "extraction with Lite0, 640 x 360 H.264, 2 samples a second",
                "40 times real time",
                f"{speed['extraction_times_real_time']} times",
            ],
            [
                "peak memory, 1 minute; 2 hours",
                "under 1 GB",
                f"{first['minute']['peak_memory_mb']} MB; "
                f"{first['two_hours']['peak_memory_mb']} MB",
            ],
            [
                "second search from the shell, 92 s film; 2 hours",
                "under 3 s",
                f"{again['film']['seconds']} s; {again['two_hours']['seconds']} s",
            ],
            [
                "second search in Python, 92 s film; 2 hours",
                "30 ms",
                f"{speed['second_search_python_ms']['film']} ms; "
                f"{speed['second_search_python_ms']['two_hours']} ms",
            ],
        ],
    )


def _hits(rows: list[Row]) -> int:
    return sum(row["iou"] >= 0.5 for row in rows)


def _answers(name: str) -> Callable[[], str]:
    def made() -> str:
        rows = load("questions")[name]
        return table(
            ["sentence", "first moment", "truth", "IoU", "confidence", "clear match"],
            [
                [
                    row["query"],
                    span(row["first"]),
                    span(row["truth"]) if "truth" in row else "none",
                    row.get("iou", ""),
                    row["confidence"],
                    "yes" if row["clear"] else "no",
                ]
                for row in rows
            ],
        )

    return made


def _parts() -> str:
    kinds = ("photo_film", "video_film", "bottle")
    return table(
        ["", "films of photographs", "film of real videos", "first 3 with a hand"],
        [
            [row["part"], *(f"{row[k]['right']} of {row[k]['of']}" for k in kinds)]
            for row in load("parts")["parts"]
        ],
    )


def _trust() -> str:
    here, fitted = load("trust"), load("calibration")
    goals = {
        "absent_told": ("not there: told so", "≥ 93 %"),
        "nonsense_told": ("nonsense: told so, or refused", "≥ 97 %"),
        "present_clear": ("there: clear match", "≥ 80 %"),
        "area_absent": ("area under ROC, there against not there", "≥ 0.93"),
        "area_nonsense": ("area under ROC, there against nonsense", "≥ 0.94"),
        "right_video": ("the right video has the highest confidence", "≥ 70 %"),
        "calibration_error": ("expected calibration error", ""),
    }

    def cell(found: Row, name: str) -> str:
        value = found[name]
        if name == "right_video":
            return f"{100 * value['sentences']:.0f} % of sentences, {100 * value['phrases']:.0f} % of phrases"
        if name.startswith(("area", "calibration")):
            return f"{value:.3f}"
        return f"{100 * value:.1f} %"

    return table(
        [
            "what",
            "goal",
            f"{here['videos']} videos",
            f"{fitted['videos']} clips that it was fitted on",
        ],
        [
            [what, goal, cell(here, name), cell(fitted, name)]
            for name, (what, goal) in goals.items()
        ],
    )


def _eyes() -> str:
    return table(
        [
            "network, side of the image",
            "film of photographs",
            "film of real videos",
            "not there: told so",
            "there: clear",
            "area under ROC",
            "right video",
            "time a frame",
        ],
        [
            [
                row["eye"] + (" (default)" if row["default"] else ""),
                *(
                    f"{row[k]['right']} of {row[k]['of']}"
                    for k in ("photo_film", "video_film")
                ),
                f"{100 * row['absent_told']:.1f} %",
                f"{100 * row['present_clear']:.1f} %",
                f"{row['area_absent']:.3f}",
                f"{100 * row['right_video']['sentences']:.0f} %",
                f"{row['cost']:.2f}",
            ]
            for row in load("eyes")["eyes"]
        ],
    )


def _reliability() -> str:
    return table(
        ["confidence", "mean", "share there", "queries there", "not there"],
        [
            [
                f"{row['from']:.1f}-{row['from'] + 0.1:.1f}",
                f"{row['said']:.2f}",
                f"{row['there']:.2f}",
                row["present"],
                row["absent"],
            ]
            for row in load("trust")["reliability"]
        ],
    )


TABLES: dict[str, Callable[[], str]] = {
    "goals": _goals,
    "photo-film": _answers("photo_film"),
    "video-film": _answers("video_film"),
    "absent-photo": _answers("absent_from_photo_film"),
    "absent-video": _answers("absent_from_video_film"),
    "parts": _parts,
    "trust": _trust,
    "reliability": _reliability,
    "eyes": _eyes,
    "about-eyes": lambda: measured("eyes"),
    "about-trust": lambda: measured("trust"),
    "about-parts": lambda: measured("parts"),
    "about-questions": lambda: measured("questions"),
    "about-speed": lambda: measured("speed"),
}
