"""How fast, how large and how complete the search in an index of many hours is.

No real library of a hundred hours is at hand, so one is made of real features: frames of
the real clips are mixed two by two (shares, speed, direction, mirroring and the weight of
each feature are drawn), so that no two shots are equal. Shots last from 3 to 60 seconds,
films from 20 seconds to 2 hours.
"""

import hashlib
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from benchmarks import films as real_films
from slta.cli.search import NOTHING_CLEAR
from slta.features.base import VideoFeatures
from slta.index.answers import Hit
from slta.index.library import Index
from slta.index.looking import Seen
from slta.index.records import File
from slta.index.scanning import State
from slta.index.segments import bases_of
from slta.index.sketch import draw
from slta.index.tables import Tables, write_snapshot
from slta.moments import Span, VideoInfo
from slta.moments.spans import as_array, temporal_iou
from slta.search import Searcher
from slta.search.compact import compacted
from slta.search.zero_shot import RATE_HZ, ZeroShot

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
HOURS = (1, 10, 100)
TOP = 10
EXHAUSTIVE = 12
"""Sentences of each data set with which every window of the largest library is compared:
no setting was chosen by them."""
SHELL = ("a red car", "a dog runs", "two men hug")
"""Queries from the shell."""
FILM_S = 3600.0
"""Length of the film that is indexed."""
UNCHANGED = 1000
"""Files of the folder that is indexed again."""
SAME_S = 0.5
"""Difference of the ends up to which two moments are the same."""
BATCH = 20
"""Videos added at a time."""


class Mixer:
    """Shots made of the frames of real clips."""

    def __init__(self, clips: Sequence[VideoFeatures], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._clips = clips

    def film(self, frames: int) -> Iterator[VideoFeatures]:
        """Its shots, one after the other."""
        boxes = np.asarray(self._clips[0].boxes[:1], np.float32)
        done = 0
        while done < frames:
            count = min(frames - done, int(self._rng.integers(6, 120)))
            times_s = np.arange(done, done + count) / RATE_HZ
            yield VideoFeatures.of_sights(times_s, [self._shot(count)], boxes[0])
            done += count

    def _shot(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Its looks and meanings, each "t s d"."""
        one, other = self._rng.choice(len(self._clips), 2, replace=False)
        share = self._rng.uniform(0.55, 1.0)
        runs = zip(self._run(one, frames), self._run(other, frames), strict=True)
        mixed = [share * here + (1 - share) * there for here, there in runs]
        looks, meanings = (
            sights * np.exp(self._rng.normal(0, 0.15, sights.shape[2]))
            for sights in mixed
        )
        return looks.astype(np.float32), meanings.astype(np.float32)

    def _run(self, clip: int, frames: int) -> list[Float[np.ndarray, "t s d"]]:
        """Frames of a clip, to and fro, at some speed, mirrored or not."""
        video = self._clips[clip]
        length = len(video.frames)
        at = self._rng.integers(length) + np.arange(frames) * self._rng.uniform(0.5, 2)
        at = np.abs((at.astype(int) + length) % (2 * length) - length) % length
        order = np.arange(video.regions.shape[1])
        if self._rng.random() < 0.5:
            side = round(len(order) ** 0.5)
            order = order.reshape(side, side)[:, ::-1].reshape(-1)
        assert video.frame_meanings is not None and video.region_meanings is not None
        return [
            np.concatenate([whole[at][:, None], parts[at][:, order]], axis=1)
            for whole, parts in (
                (video.frames, video.regions),
                (video.frame_meanings, video.region_meanings),
            )
        ]


class Studio:
    """Makes films in other processes, each by its number."""

    def __init__(self, clips: Sequence[VideoFeatures], model: ZeroShot) -> None:
        self._clips, self._unrelated = clips, model.unrelated

    def films(self, hours: float) -> Iterator[Seen]:
        """Films of that many hours together."""
        lengths = list[int]()
        rng = np.random.default_rng(1)
        while sum(lengths) < hours * 3600 * RATE_HZ:
            lengths.append(int(np.exp(rng.uniform(np.log(40), np.log(14_400)))))
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            os.cpu_count(), context, _begin, (self._clips, self._unrelated)
        ) as pool:
            yield from pool.map(_film, range(len(lengths)), lengths)


_made_of = list[Any]()
"""In a process that makes films: the clips, and the unrelated sentences."""


def _begin(*given: Any) -> None:
    # As many processes as cores: more threads would wait for each other.
    threadpool_limits(1)
    _made_of.extend(given)


def _film(number: int, frames: int) -> Seen:
    clips, unrelated = _made_of
    compact = compacted(Mixer(clips, number).film(frames), unrelated, RATE_HZ)
    info = VideoInfo("film", frames / RATE_HZ, 640, 360)
    content = hashlib.sha256(str(number).encode()).hexdigest()
    return Seen.of(content, info, 0.0, compact, bases_of(unrelated))


def build(folder: Path, hours: float, studio: Studio, store: Path) -> Index:
    root = folder / f"{hours:g}"
    root.mkdir(parents=True)
    index = Index.open(root, place=folder / f"{hours:g}-index", store=store)
    bases = bases_of(index.model.unrelated)
    tables = Tables.create(index.place, index.head(), bases)
    waiting = list[Seen]()
    number = 0

    def commit() -> None:
        nonlocal number
        files = []
        for seen in waiting:
            number += 1
            files.append(File(f"{number:05}.mp4", seen.id, State(1, 1, 1)))
        tables.add(waiting, files)
        waiting.clear()

    for seen in studio.films(hours):
        waiting.append(seen)
        if len(waiting) == BATCH:
            commit()
    commit()
    tables.tidy()
    snapshot = tables.snapshot()
    write_snapshot(index.place, snapshot)
    draw(index.place, snapshot.videos, lambda: index.model.unrelated)
    return index


def measure(data: Path) -> dict[str, Any]:
    """``data`` is the folder of the real videos."""
    data = data.resolve()
    said = json.loads((data / "clips" / "sentences.json").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        searcher = Searcher(store=folder / "store")
        searcher.prepare()
        clips = [searcher.index(clip) for clip in _clips(data, said)]
        parts = [clip.features.part(0, len(clip.features.times_s)) for clip in clips]
        model = searcher.retriever
        assert isinstance(model, ZeroShot)
        studio = Studio(parts, model)
        return {
            "real": _real(data, said, folder),
            "indexing": _indexing(data, said, folder),
            "again": _again(folder, studio),
            "hours": _hours(folder, studio),
        }


def _clips(data: Path, said: dict[str, Any]) -> list[Path]:
    return [data / clip for clip in said["present"]]


def _real(data: Path, said: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The real videos as one library: which is found, and what is doubted."""
    index = Index.open(data, place=folder / "real", store=folder / "store")
    index.add()
    places, clear = list[int](), list[bool]()
    for clip, queries in said["present"].items():
        for query in queries:
            hits = index.search(query, top=100, per_video=1)
            order = [hit.path.relative_to(data).as_posix() for hit in hits.moments]
            places.append(order.index(clip) if clip in order else len(order))
            clear.append(hits.is_clear)
    absent = [index.search(query).is_clear for query in said["absent"]]
    return {
        "videos": len(said["present"]),
        "queries": len(places),
        "right_video_first": _share([place == 0 for place in places]),
        "right_video_among_five": _share([place < 5 for place in places]),
        "present_clear": _share(clear),
        "absent": len(absent),
        "absent_told": _share([not each for each in absent]),
        "bottle": _bottle(data, index),
    }


def _bottle(data: Path, index: Index) -> dict[str, Any]:
    """The one query whose moments in these videos are known."""
    question = real_films.QUESTIONS["bottle"]
    hits = index.search(question["query"], top=3)
    hands = as_array([Span(float(a), float(b)) for a, b in question["hands_s"]])
    return {
        "right_video": [hit.path.name == question["video"] for hit in hits.moments],
        "iou": [
            round(float(temporal_iou(as_array([hit.span]), hands).max()), 3)
            for hit in hits.moments
        ],
    }


def _share(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 3)


def _indexing(data: Path, said: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The command on a folder with one film: all real videos, over and over."""
    films = folder / "films"
    films.mkdir()
    real_films.join(_clips(data, said), folder / "once.mp4")
    real_films.repeat(folder / "once.mp4", films / "film.mp4", FILM_S)
    seconds = _run("index", str(films), "--index", str(folder / "film-index"))
    status = Index.open(films, place=folder / "film-index").status()
    return {
        "film_s": round(status.hours * 3600, 1),
        "film": "640 x 360, 25 Hz, H.264",
        "times_real_time": round(status.hours * 3600 / seconds, 1),
        "mb_per_hour": round(status.bytes / 1e6 / status.hours, 1),
    }


def _again(folder: Path, studio: Studio) -> dict[str, Any]:
    """Indexing again a folder of which nothing has changed."""
    root = folder / "unchanged"
    root.mkdir()
    index = Index.open(root, place=folder / "unchanged-index", store=folder / "store")
    bases = bases_of(index.model.unrelated)
    (seen,) = studio.films(0.005)
    files = []
    for number in range(UNCHANGED):
        path = root / f"{number:04}.mp4"
        path.write_bytes(bytes(64))
        files.append(File(path.name, seen.id, State.of(path)))
    tables = Tables.create(index.place, index.head(), bases)
    tables.add([seen], files)
    write_snapshot(index.place, tables.snapshot())
    times = [_run("index", str(root), "--index", str(index.place)) for _ in range(3)]
    return {"files": UNCHANGED, "seconds": round(float(np.median(times)), 2)}


def _hours(folder: Path, studio: Studio) -> list[dict[str, Any]]:
    measured = []
    for hours in HOURS:
        index = build(folder / "library", hours, studio, folder / "store")
        place = folder / "library" / f"{hours:g}-index"
        size = sum(f.stat().st_size for f in place.rglob("*") if f.is_file())
        words = [str(index.root), str(place), str(folder / "store")]
        more = ["exhaustive"] if hours == HOURS[-1] else []
        asked = subprocess.run(
            [sys.executable, "-m", "benchmarks.library", *words, *more],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        options = ["--as-is", "--index", words[1], "--store", words[2]]
        shell = [_run("search", words[0], query, *options) for query in SHELL]
        snapshot = index.snapshot()
        measured.append(
            {
                "hours": hours,
                "videos": len(snapshot.videos),
                "segments": len(snapshot.of),
                "mb_per_hour": round(size / 1e6 / hours, 1),
                "shell_s": round(float(np.median(shell)), 2),
                **json.loads(asked.stdout),
            }
        )
    return measured


def _run(*words: str) -> float:
    """Seconds that the command takes."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "slta.cli", *words], capture_output=True, text=True
    )
    if done.returncode not in (0, NOTHING_CLEAR):
        raise RuntimeError(done.stderr)
    return time.perf_counter() - start


def ask(root: str, place: str, store: str, *more: str) -> dict[str, Any]:
    """Times of queries, each asked once, and how complete the answers are."""
    index = Index.open(root, place=place, store=store)
    index.searcher.prepare()
    said = json.loads((DATA / "clips" / "sentences.json").read_text())
    queries = [*chain.from_iterable(said["present"].values()), *said["absent"]]
    index.search("a first query, which loads the networks and the index")
    times = []
    for query in queries:
        start = time.perf_counter()
        index.search(query, top=TOP)
        times.append((time.perf_counter() - start) * 1e3)
    # Not getrusage, which counts what the parent had when it began this process.
    status = Path("/proc/self/status").read_text()
    memory = int(status.partition("VmHWM:")[2].split()[0])
    result = {
        "queries": len(queries),
        "p50_ms": round(float(np.percentile(times, 50)), 1),
        "p95_ms": round(float(np.percentile(times, 95)), 1),
        "peak_memory_mb": memory // 1024,
    }
    return result | (_complete(index) if more else {})


def unseen() -> list[str]:
    """Sentences of the test sets of Charades-STA and DiDeMo, evenly spaced."""
    lines = (DATA / "charades" / "charades_sta_test.txt").read_text().splitlines()
    charades = [line.partition("##")[2] for line in lines]
    entries = json.loads((DATA / "didemo" / "test_data.json").read_text())
    didemo = [entry["description"] for entry in entries]
    return [
        sentences[(4 * i + 1) * len(sentences) // (4 * EXHAUSTIVE)]
        for sentences in (charades, didemo)
        for i in range(EXHAUSTIVE)
    ]


def _complete(index: Index) -> dict[str, Any]:
    """Share of the ten best moments of all windows that the two stages find."""
    shares, times = list[float](), list[float]()
    for query in unseen():
        features = index.searcher.read(query)
        start = time.perf_counter()
        every = index.find(features, top=TOP, every=True)
        times.append((time.perf_counter() - start) * 1e3)
        found = index.find(features, top=TOP)
        same = [_is_among(hit, found.moments) for hit in every.moments]
        shares.append(float(np.mean(same)))
    return {
        "exhaustive_queries": len(shares),
        "share_of_exhaustive": round(float(np.mean(shares)), 3),
        "exhaustive_p50_ms": round(float(np.median(times))),
    }


def _is_among(hit: Hit, others: Sequence[Hit]) -> bool:
    spans = [other.span for other in others if other.path == hit.path]
    return any(
        math.dist((hit.span.start, hit.span.end), (span.start, span.end)) < SAME_S
        for span in spans
    )


if __name__ == "__main__":
    print(json.dumps(ask(*sys.argv[1:])))
