"""How fast the default extractor and the search are, and how much memory they take.

Searches run as a user would run them: the command ``slta``, in a process of its own.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.films import join, repeat
from examples import photo_film
from slta import video
from slta.cli.search import NOTHING_CLEAR
from slta.features.changes import Changes
from slta.features.extractors.imagenet_words import ImagenetWords
from slta.search import Searcher
from slta.search.zero_shot import RATE_HZ

QUERY = "a cup of coffee"
LONG_S = 7200
RUNS = 5


def measure(data: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo_film.compose(folder / "film.mp4")
        film_s = video.probe(folder / "film.mp4").duration_s
        for target, length_s in (("minute", 60.0), ("hours", float(LONG_S))):
            repeat(folder / "film.mp4", folder / f"{target}.mp4", length_s)
        # The converted networks are there already: this is about videos.
        _search(folder / "film.mp4", folder / "warm")
        minute = _search(folder / "minute.mp4", folder / "store")
        hours = _search(folder / "hours.mp4", folder / "store")
        size = sum(f.stat().st_size for f in (folder / "store").rglob("*.npy"))
        videos = sorted((data / "videos").iterdir())
        clips = [path for path in (data / "clips").iterdir() if path.suffix != ".json"]
        join([*videos, *sorted(clips)], folder / "real.mp4")
        return {
            "film": {
                "duration_s": round(film_s, 2),
                "size": "640 x 360",
                "rate_hz": 25,
            },
            "samples_per_s": RATE_HZ,
            **_extraction(folder / "film.mp4", folder / "film"),
            "real_film": _extraction(folder / "real.mp4", folder / "real"),
            "first_search_shell": {
                "minute": minute,
                "two_hours": hours,
                "two_hours_times_real_time": round(LONG_S / hours["seconds"], 1),
            },
            "second_search_shell": {
                "film": _again(folder / "film.mp4", folder / "warm"),
                "two_hours": _again(folder / "hours.mp4", folder / "store"),
            },
            "second_search_python_ms": {
                "film": _again_in_python_ms(folder / "film.mp4", folder / "warm"),
                "two_hours": _again_in_python_ms(
                    folder / "hours.mp4", folder / "store"
                ),
            },
            "store_mb_per_hour": round(size / 1e6 / ((LONG_S + 60) / 3600), 1),
        }


def _search(path: Path, store: Path) -> dict[str, float]:
    """Seconds and peak memory of one ``slta search`` in a new process."""
    command = [sys.executable, "-m", "slta.cli", "search", str(path), QUERY]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--store", str(store)], stdout=subprocess.DEVNULL
    )
    # Not getrusage, which counts what this process had when it began the other.
    peak_kb = 0
    while process.poll() is None:
        with suppress(OSError, IndexError):
            text = Path(f"/proc/{process.pid}/status").read_text()
            peak_kb = int(text.partition("VmHWM:")[2].split()[0])
        time.sleep(0.01)
    if process.returncode not in (0, NOTHING_CLEAR):
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "peak_memory_mb": round(peak_kb / 1024),
    }


def _again(path: Path, store: Path) -> dict[str, float]:
    runs = [_search(path, store) for _ in range(RUNS)]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def _again_in_python_ms(path: Path, store: Path) -> float:
    searcher = Searcher(store=store)
    searcher.search(path, "a train")
    times = []
    for query in ("a cat", "a rocket at night", "someone reads", "a wall", "old coins"):
        start = time.perf_counter()
        searcher.search(path, query)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times) * 1000, 1)


def _extraction(path: Path, stores: Path) -> dict[str, float]:
    duration_s = video.probe(path).duration_s
    decoded, extracted = _decoding_s(path), _extracting_s(path, stores)
    return {
        "duration_s": round(duration_s, 2),
        "extraction_times_real_time": round(duration_s / extracted, 1),
        "decoding_alone_times_real_time": round(duration_s / decoded, 1),
        "share_of_time_spent_decoding": round(decoded / extracted, 2),
        "share_of_frames_looked_at": round(_looked_at(path), 2),
    }


def _looked_at(path: Path) -> float:
    changes, size = Changes(), ImagenetWords().size
    pieces = video.sample(path, rate_hz=RATE_HZ, size=size)
    return float(np.concatenate([changes.new(p.images) for p in pieces]).mean())


def _decoding_s(path: Path) -> float:
    size = ImagenetWords().size
    return statistics.median(
        _timed(lambda: [0 for _ in video.sample(path, rate_hz=RATE_HZ, size=size)])
        for _ in range(RUNS)
    )


def _extracting_s(path: Path, stores: Path) -> float:
    next(ImagenetWords().watch(path, rate_hz=RATE_HZ))
    times = []
    for run in range(RUNS):
        searcher = Searcher(store=stores / f"run-{run}")
        times.append(_timed(lambda searcher=searcher: searcher.library.record(path)))
    return statistics.median(times)


def _timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
