"""The page and the service."""

from collections.abc import Callable

from benchmarks.tables.cells import load, measured, table


def _goals() -> str:
    found = load("page")
    people, fast, browser = found["people"], found["fast"], found["browser"]
    upload = found["upload"]
    rows = [
        [
            f"{people['clients']} people, {people['seconds'] / 60:.0f} minutes, "
            f"{people['requests']} searches: errors; 95th percentile",
            "0; 300 ms",
            f"{people['errors']}; {people['p95_ms']} ms",
        ],
        [
            f"the same without a pause, {fast['requests']} searches in "
            f"{fast['seconds']:.0f} s: errors; 95th percentile",
            "",
            f"{fast['errors']}; {fast['p95_ms']} ms",
        ],
        [
            "memory of the server after these, more than before",
            "50 MB",
            f"{people['memory_growth_mb']} MB; {fast['memory_growth_mb']} MB",
        ],
        [
            f"first paint of the page: median, longest of {browser['times']}",
            "500 ms",
            f"{browser['first_paint_p50_ms']} ms, {browser['first_paint_max_ms']} ms",
        ],
        [
            "from a query to a card: the same",
            "400 ms",
            f"{browser['card_p50_ms']} ms, {browser['card_max_ms']} ms",
        ],
        [
            f"upload of {upload['bytes'] / 2**30:.0f} GiB: whole after a cut; memory at "
            "most, more than before",
            "yes; 50 MB",
            f"{'yes' if upload['whole'] else 'no'}; {upload['peak_growth_mb']} MB",
        ],
        ["all files of the page", "150 kB", f"{found['assets_kb']} kB"],
    ]
    head = [f"{found['hours']:g} hours of video, two cores", "goal", "measured"]
    return table(head, rows) + measured("page")


TABLES: dict[str, Callable[[], str]] = {"page": _goals}
