"""The SLTA release's training pairs, made anew from the official annotations.

Writes results/pairs.json, from which a table in docs/results/charades-sta.md is generated.
A pair is (video, truth, sentence, window); equal ones are counted as often as they are
there.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from slta.batches.sampling import matching_frames
from slta.datasets import SOURCES, charades_sta, slta_release, tacos
from slta.datasets.annotations import Annotations
from slta.datasets.checking import check
from slta.datasets.slta_release import CHARADES, TACOS, parse, truth_frames
from slta.features.safe_pickle import load
from slta.moments.candidates import RELEASED_HZ, released, released_frames
from slta.moments.spans import as_array

Frames = tuple[int, int]
Pair = tuple[str, Frames, str, Frames]
ENDLESS = 100_000
"""Frames of a video whose length is not known."""
LENGTHS = {"charades": (16, 32, 48, 64), "tacos": (16, 32, 48, 64, 128)}
EDGE = 1
"""Frames at a video's end in which the release may have one window more or less."""


def measure(data: Path) -> dict[str, Any]:
    official = charades_sta.read(data / "charades")
    charades = _released(data / "charades" / f"slta_{slta_release.PAIRS[CHARADES]}")
    tacos_pairs = _released(data / "tacos" / f"slta_{slta_release.PAIRS[TACOS]}")
    # How fractions of a frame at a video's end are rounded was fitted to these pairs.
    unfitted = Counter(
        _made(
            official, LENGTHS["charades"], lambda text: text, lambda s: int(3 * s) + 2
        )
    )
    pairs_of = {
        "Charades-STA": _compare(
            _released(
                data / "charades" / f"slta_{slta_release.PAIRS['slta-charades']}"
            ),
            Counter(_made(official, LENGTHS["charades"], lambda text: text)),
            official,
        ),
        "TACoS": _compare(
            tacos_pairs,
            # The release has its sentences without their last character, a full stop.
            Counter(
                _made(
                    tacos.read_tall(data / "tacos"),
                    LENGTHS["tacos"],
                    lambda text: text[:-1],
                )
            ),
            None,
        ),
    }
    begun = time.perf_counter()
    report = check(SOURCES[charades_sta.NAME], data / "charades")
    seconds = time.perf_counter() - begun
    return {
        "sets": pairs_of,
        "unfitted_share": round(
            (charades & unfitted).total() / (charades | unfitted).total(), 5
        ),
        "check": {"seconds": round(seconds, 2), "faults": len(report.faults)},
    }


def _released(file: Path) -> "Counter[Pair]":
    return Counter(
        (*parse(truth), _words(sentence), parse(window)[1])
        for truth, sentence, window, *_ in load(file)
    )


def _words(sentence: str) -> str:
    return " ".join(sentence.split())


def _made(
    found: Annotations,
    lengths: tuple[int, ...],
    sentence: Callable[[str], str],
    frames: Callable[[float], int] = released_frames,
) -> Iterator[Pair]:
    """The pairs of train, with windows up to the end of each video."""
    windows: dict[str, np.ndarray] = {}
    queries = [query for query in found.splits["train"] if query.truth]
    truths = truth_frames(as_array([span for q in queries for span in q.truth or ()]))
    for query, truth in zip(queries, truths, strict=True):
        if query.video_id not in windows:
            duration_s = found.durations_s.get(query.video_id)
            count = ENDLESS if duration_s is None else frames(duration_s)
            windows[query.video_id] = released(count, lengths)
        first, end = truth.tolist()
        text = _words(sentence(query.query))
        for start, stop in matching_frames(windows[query.video_id], truth).tolist():
            yield query.video_id, (first, end), text, (start, stop)


def _compare(
    released_pairs: "Counter[Pair]",
    made: "Counter[Pair]",
    official: Annotations | None,
) -> dict[str, Any]:
    equal, either = released_pairs & made, released_pairs | made
    only_made, only_released = made - released_pairs, released_pairs - made
    return {
        "released": released_pairs.total(),
        "made": made.total(),
        "equal": equal.total(),
        "share": round(equal.total() / either.total(), 5),
        "released_that_are_made": round(equal.total() / released_pairs.total(), 5),
        "only_made": _reasons(only_made, released_pairs, official),
        "only_released": _reasons(only_released, released_pairs, official),
    }


def _reasons(
    pairs: "Counter[Pair]",
    released_pairs: "Counter[Pair]",
    official: Annotations | None,
) -> dict[str, int]:
    """Why pairs are on one side only: a reason, and how many have it."""
    videos = {pair[0] for pair in released_pairs}
    last = {
        length: max(
            (pair[0] for pair in released_pairs if pair[3][1] - pair[3][0] == length),
            default="",
        )
        for length in {pair[3][1] - pair[3][0] for pair in released_pairs}
    }
    found: Counter[str] = Counter()
    for (video_id, _, _, (start, end)), count in pairs.items():
        length = end - start
        if video_id not in videos:
            found["the release has no pair of the video"] += count
        elif official is not None and _at_the_end(official, video_id, end):
            found["the window ends within a frame of the video's end"] += count
        elif video_id > last.get(length, ""):
            reason = f"the release has no window of {length} frames of videos after"
            found[f"{reason} {last.get(length, '')}"] += count
        else:
            found["not explained"] += count
    return dict(found)


def _at_the_end(official: Annotations, video_id: str, end: int) -> bool:
    """Whether the release's number of frames, which is fitted, decides."""
    last = RELEASED_HZ * official.durations_s[video_id] + 3
    return abs(end - last) <= EDGE
