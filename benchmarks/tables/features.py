"""Extractors, and features from elsewhere in the store."""

from collections.abc import Callable

from benchmarks.tables.cells import load, measured, share, table


def _extractors() -> str:
    rows = [
        [
            f"`{each['name']}`",
            each["seconds_a_sample"],
            each["times_cells"],
        ]
        for each in load("extractors")["extractors"]
    ]
    head = ["extractor", "s/sample", "times `cells`"]
    return table(head, rows)


def _layout_sizes() -> str:
    rows = [
        [
            each["data set"],
            each["setting"],
            f"{each['given_bytes'] / 1e6:.0f}",
            f"{each['stored_bytes'] / 1e6:.0f}",
        ]
        for each in load("layouts")["sizes"]
    ]
    head = ["video lengths", "kept", "release, MB", "store, MB"]
    return table(head, rows)


def _layout_reading() -> str:
    rows = [
        [name, each["store"], each["unpickled"]]
        for name, each in load("layouts")["reading"].items()
    ]
    return table(["video lengths", "store", "unpickling"], rows)


def _planted() -> str:
    worlds = load("planted")["noise"]
    settings = [row["setting"] for row in next(iter(worlds.values()))["settings"]]
    rows = [
        [noise, *(share(row["R@1, IoU=0.5"]) for row in world["settings"])]
        for noise, world in worlds.items()
    ]
    return table(["R@1, IoU=0.5: noise", *settings], rows)


TABLES: dict[str, Callable[[], str]] = {
    "extractors": lambda: _extractors() + measured("extractors"),
    "layout-sizes": _layout_sizes,
    "layout-reading": lambda: _layout_reading() + measured("layouts"),
    "planted": lambda: _planted() + measured("planted"),
}
