"""What pre-extracted features cost at the paper's dimensions: on disk, and to read in training.

The features are random numbers; how the release's files are laid out and how its notebook
reads them is what counts. Everything is read from a warm disk, in one run.
"""

import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.random_features import random_queries
from slta.batches.candidate_batch import (
    Shot,
    candidates_of,
    collate,
    mean_frame,
    shot_of,
)
from slta.features import provider
from slta.features.base import VideoFeatures
from slta.features.provider import Provider
from slta.features.store import Store
from slta.moments.candidates import released

FRAME, REGIONS, REGION = 4096, 36, 2048
BATCH, LONGEST = 30, 64
CONTEXT = 128
LENGTHS = {"Charades-STA": (10, 90), "TACoS": (2, 861)}
"""Videos that are made, and their frames: 30 s and 287 s at 3 a second, about the means
of the two data sets."""
SETTINGS = (
    ("as they are, in float16", "", 3.0),
    ("at 1 frame a second", "", 1.0),
    ("8 regions a frame", ",regions=8", 3.0),
    ("8 regions a frame, at 1 frame a second", ",regions=8", 1.0),
)
ROUNDS = 6
"""In each, all ways of reading take their turn; the fastest of a way counts."""
FEW = 6
"""Samples that are unpickled of a long video's batch: each takes as long as the next."""


def measure() -> dict[str, Any]:
    sizes, reading = [], {}
    for name, (videos, frames) in LENGTHS.items():
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "features"
            written = _write(root, videos, frames)
            store = Store(Path(place) / "store")
            for setting, more, rate_hz in SETTINGS if frames < 100 else SETTINGS[:1]:
                given = provider(f"slta-release:{root}{more}", store, rate_hz)
                begun = time.perf_counter()
                stored = sum(_stored(given, video) for video in written)
                sizes.append(
                    {
                        "data set": name,
                        "setting": setting,
                        "given_bytes": sum(written.values()),
                        "stored_bytes": stored,
                        "times_smaller": round(sum(written.values()) / stored, 1),
                        "import_mb_a_second": round(
                            sum(written.values()) / 1e6 / (time.perf_counter() - begun)
                        ),
                    }
                )
            reading[name] = _reading(root, store, list(written), frames)
    return {"videos": LENGTHS, "sizes": sizes, "reading": reading}


def _write(root: Path, videos: int, frames: int) -> dict[str, int]:
    """The release's layout; says how many bytes there are of each video."""
    rng = np.random.default_rng(0)
    found = {}
    for number in range(videos):
        folder = root / f"v{number}"
        folder.mkdir(parents=True)
        windows = {(s, e) for s, e in released(frames).tolist()}
        for start, end in list(windows):
            windows |= {(start - CONTEXT, start), (end, end + CONTEXT)}
        for start, end in windows:
            if start >= 1 and end <= frames + 1:
                vector = rng.standard_normal(FRAME, np.float32)
                np.save(folder / f"v{number}_{start}_{end}.npy", vector)
        with (folder / f"v{number}.pkl").open("wb") as file:
            regions = rng.standard_normal((frames, REGIONS, REGION), np.float32)
            pickle.dump(regions, file, protocol=3)
        found[f"v{number}"] = sum(path.stat().st_size for path in folder.iterdir())
    return found


def _stored(given: Provider, video: str) -> int:
    folder = given.record(video).folder
    return sum(path.stat().st_size for path in folder.iterdir())


def _reading(
    root: Path, store: Store, videos: list[str], frames: int
) -> dict[str, Any]:
    """Samples a second, of batches whose samples are windows of different videos as far
    as there are so many."""
    given = provider(f"slta-release:{root}", store, 3.0)
    rng = np.random.default_rng(1)
    starts = rng.integers(0, frames - LONGEST + 1, BATCH).tolist()
    chosen = [videos[i % len(videos)] for i in range(BATCH)]
    queries = random_queries(1)
    opened = {video: given.read(video)[1] for video in videos}
    # As in training: a video's mean frame is taken once.
    video_means = {video: mean_frame(features) for video, features in opened.items()}
    source = np.ones((BATCH, LONGEST, REGIONS, REGION), np.float16)
    target = np.zeros_like(source)

    few = BATCH if frames < 100 else FEW

    def unpickled() -> Any:
        """As the notebook: the whole video for every sample, in a batch of float64."""
        batch = np.zeros((few, LONGEST, REGIONS, REGION))
        pairs = list(zip(chosen, starts, strict=True))
        for row, (video, start) in enumerate(pairs[:few]):
            with (root / video / f"{video}.pkl").open("rb") as file:
                batch[row] = pickle.load(file)[start : start + LONGEST]
        return batch

    def unpickled_only() -> Any:
        for video in chosen[:few]:
            with (root / video / f"{video}.pkl").open("rb") as file:
                pickle.load(file)

    def from_store() -> Any:
        pairs = zip(chosen, starts, strict=True)
        shots = [
            _shot(opened[video], start, video_means[video]) for video, start in pairs
        ]
        return collate(shots, queries)

    def copied() -> Any:
        """What nobody who makes a batch can do without: its regions' bytes, in memory
        before and after."""
        np.copyto(target, source)

    ways: dict[str, tuple[Callable[[], Any], int]] = {
        "store": (from_store, BATCH),
        "copied": (copied, BATCH),
        "unpickled": (unpickled, few),
        "unpickled, without making a batch": (unpickled_only, few),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (way, _) in ways.items():
            taken[name].append(_seconds(way))
    found: dict[str, Any] = {
        name: round(count / min(taken[name]), 1) for name, (_, count) in ways.items()
    }
    for name in ("unpickled", "unpickled, without making a batch"):
        found[f"times {name}"] = round(found["store"] / found[name], 1)
    found["times unpickled, of copying"] = round(
        found["copied"] / found["unpickled"], 1
    )
    return found


def _shot(features: VideoFeatures, start: int, whole: Float[np.ndarray, " d"]) -> Shot:
    spans = np.array([[start / 3, (start + LONGEST) / 3]])
    found = candidates_of(
        features, spans, rate_hz=3.0, context_s=CONTEXT / 3, video_mean=whole
    )
    return shot_of(features, found)


def _seconds(way: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    way()
    return time.perf_counter() - begun
