"""Extractors, and features from elsewhere in the store."""

from collections.abc import Callable

from benchmarks.tables.cells import load, measured, percent, share, table


def _extractors() -> str:
    rows = [
        [
            f"`{each['name']}`",
            each["frame"],
            f"{each['regions'][0]} of {each['regions'][1]}",
            f"{each['seconds_a_sample']} s",
            f"{each['times_cells']} times",
        ]
        for each in load("extractors")["extractors"]
    ]
    head = ["extractor", "a frame", "regions", "a sample", "as long as `cells`"]
    return table(head, rows)


def _layout_sizes() -> str:
    rows = [
        [
            each["data set"],
            each["setting"],
            f"{each['given_bytes'] / 1e6:.0f} MB",
            f"{each['stored_bytes'] / 1e6:.0f} MB",
            f"{each['times_smaller']} times",
        ]
        for each in load("layouts")["sizes"]
    ]
    head = ["videos as long as of", "kept", "release's files", "store", "smaller"]
    return table(head, rows)


def _layout_reading() -> str:
    rows = [
        [
            name,
            each["store"],
            each["unpickled"],
            f"{each['times unpickled']} times",
            f"{each['times unpickled, without making a batch']} times",
            each["copied"],
            f"{each['times unpickled, of copying']} times",
        ]
        for name, each in load("layouts")["reading"].items()
    ]
    return table(
        [
            "videos as long as of",
            "samples a second from the store",
            "each video unpickled",
            "faster",
            "than unpickling alone",
            "as many bytes copied in memory",
            "faster than unpickling",
        ],
        rows,
    )


def _planted() -> str:
    worlds = load("planted")["noise"]
    (prior, *_) = (found["moment prior"] for found in worlds.values())
    rows = [["", "(the moment prior)", "", share(prior), "", ""]]
    for noise, found in worlds.items():
        for each in found["settings"]:
            value = share(each["R@1, IoU=0.5"])
            smaller = f"{each['times_smaller']} times"
            seeds = " ".join(percent(share) for share in each["seeds"])
            rows.append([noise, each["setting"], smaller, value, seeds, ""])
        rows[-1][-1] = share(found["difference"], sign="+")
    head = "noise", "kept", "smaller", "R@1, IoU=0.5", "seeds", "more than with all"
    return table([*head], rows)


def _about_planted() -> str:
    found = load("planted")
    real = found["real videos"]
    counts = next(iter(found["noise"].values()))["counts"]
    train, test = counts["train"], counts["test"]
    low, high = (end(real["correlation"].values()) for end in (min, max))
    return (
        f"{measured('planted').rstrip()} Trained with {train['queries']} queries of "
        f"{train['videos']} videos, measured on {test['queries']} of {test['videos']}. "
        f"From one frame to the next at {real['rate_hz']:g} Hz, regions of the "
        f"{len(real['correlation'])} real videos are correlated by {low:.2f} to "
        f"{high:.2f}, on average {real['mean']:.2f}.\n"
    )


TABLES: dict[str, Callable[[], str]] = {
    "extractors": _extractors,
    "layout-sizes": _layout_sizes,
    "layout-reading": _layout_reading,
    "planted": _planted,
    "about-planted": _about_planted,
    "about-extractors": lambda: measured("extractors"),
    "about-layouts": lambda: measured("layouts"),
}
