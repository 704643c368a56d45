"""Search in a folder, and in a hundred hours."""

from collections.abc import Callable

from benchmarks.tables.cells import load, measured, table


def _goals() -> str:
    found = load("library")
    real, largest = found["real"], found["hours"][-1]
    indexing, again = found["indexing"], found["again"]
    kills = load("index-kills")
    rows = [
        [
            "of the ten best moments of all windows, found in two stages",
            "≥ 95 %",
            f"{100 * largest['share_of_exhaustive']:.1f} %",
        ],
        [
            f"query in Python, {largest['hours']} hours: median; 95th percentile",
            "50 ms; 120 ms",
            f"{largest['p50_ms']} ms; {largest['p95_ms']} ms",
        ],
        [
            "a query that compares every frame of all windows, against that",
            "",
            f"{largest['exhaustive_p50_ms'] / largest['p50_ms']:.0f} times as long",
        ],
        ["the same from the shell", "1.5 s", f"{largest['shell_s']} s"],
        ["memory meanwhile", "1 GB", f"{largest['peak_memory_mb']} MB"],
        [
            "index on disk, an hour: real videos; 100 hours",
            "30 MB",
            f"{indexing['mb_per_hour']} MB; {largest['mb_per_hour']} MB",
        ],
        [
            f"indexing {indexing['film']}, times real time",
            "80",
            indexing["times_real_time"],
        ],
        [
            f"indexing again, {again['files']} files unchanged",
            "2 s",
            f"{again['seconds']} s",
        ],
        [
            f"right video first, of {real['videos']}",
            "≥ 70 %",
            f"{100 * real['right_video_first']:.1f} %",
        ],
        [
            "right video among the first five",
            "≥ 95 %",
            f"{100 * real['right_video_among_five']:.1f} %",
        ],
        [
            f"{kills['kills']} × kill -9 while indexing: lost; doubled",
            "0; 0",
            f"{kills['lost']}; {kills['doubled']}",
        ],
    ]
    return table(["search in a folder", "goal", "measured"], rows) + measured(
        "library", "index-kills"
    )


def _growth() -> str:
    head = [
        "hours",
        "videos",
        "segments",
        "median",
        "95th percentile",
        "shell",
        "memory",
    ]
    rows = [
        [
            row["hours"],
            row["videos"],
            row["segments"],
            f"{row['p50_ms']} ms",
            f"{row['p95_ms']} ms",
            f"{row['shell_s']} s",
            f"{row['peak_memory_mb']} MB",
        ]
        for row in load("library")["hours"]
    ]
    return table(head, rows) + measured("library")


TABLES: dict[str, Callable[[], str]] = {"library": _goals, "library-growth": _growth}
