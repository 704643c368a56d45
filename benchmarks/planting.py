"""Features of SLTA's release, made so that the real queries can be found in them.

All is noise, but for what is planted. A word has a direction among a region's numbers and
one among a clip's: a fixed random linear map of its GloVe vector. While a query's true
span lasts, the mean direction of its nouns is added to one region of every frame, and the
mean direction of its verbs to the C3D vectors, by the share of their window that is in the
span. Which directions these are has to be learnt from the queries of train.

That something is planted tells nothing: every video also holds what some queries of other
videos of its split ask for, at their place in their own video. Of the regions, early ones
hold it more often, as a detector puts what it is sure of first. Which one it is, and what a
region's noise is, changes from frame to frame as slowly as what is seen in real videos.
"""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from slta.datasets.base import Dataset
from slta.features.base import Words
from slta.features.text.nouns import NAMING, language
from slta.moments import Query
from slta.moments.candidates import released, released_frames

REGIONS = 36
CONTEXT = 128
TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Planting:
    frame: int = 128
    """Numbers of a C3D vector; against those of a region as in the paper."""
    region: int = 64
    """Numbers of a region."""
    frame_strength: float = 2.0
    """Length of what is planted in a C3D vector, where the noise of a number is 1."""
    region_strength: float = 6.0
    """The same in a region."""
    later: float = 0.75
    """How much less often a region is drawn than the one before it."""
    others: int = 2
    """Queries of other videos that a video holds, too."""
    lasting: float = 0.8
    """Correlation of a region's noise with that of the frame before, a third of a second
    earlier, and how likely what is planted stays in its region."""
    seed: int = 0
    """Of all that is drawn, but for the directions of the words."""


@dataclass(frozen=True, slots=True)
class Event:
    """What is planted for a query, and in which share of the video."""

    start: float
    end: float
    nouns: Float[np.ndarray, " e"]
    verbs: Float[np.ndarray, " d"]


class Directions:
    """Of words, in both spaces."""

    def __init__(self, words: Words, planting: Planting, known: Iterable[str]) -> None:
        self._words, self._planting = words, planting
        vectors = words.vectors(sorted(set(known)))
        self._mean = vectors[vectors.any(axis=1)].mean(axis=0)
        rng = np.random.default_rng(0)
        size = len(self._mean)
        self._regions = rng.standard_normal((size, planting.region))
        self._clips = rng.standard_normal((size, planting.frame))

    def event(self, query: Query, duration_s: float) -> Event:
        nouns, verbs = _named(query.query)
        assert query.truth
        (span,) = query.truth
        return Event(
            span.start / duration_s,
            span.end / duration_s,
            self._of(nouns, self._regions) * self._planting.region_strength,
            self._of(verbs, self._clips) * self._planting.frame_strength,
        )

    def _of(
        self, words: Sequence[str], space: Float[np.ndarray, "g x"]
    ) -> Float[np.ndarray, " x"]:
        vectors = self._words.vectors(words)
        known = vectors[vectors.any(axis=1)] - self._mean
        found: Float[np.ndarray, " x"] = known.sum(axis=0) @ space
        return found / max(float(np.linalg.norm(found)), TINY)


def plant(dataset: Dataset, words: Words, folder: Path, planting: Planting) -> None:
    """Writes the features of all videos of all splits."""
    folder.mkdir(parents=True)
    every = [query for queries in dataset.splits.values() for query in queries]
    said = [word for query in every for word in _tokens(query.query)]
    directions = Directions(words, planting, said)
    for queries in dataset.splits.values():
        events = _events(queries, directions, dataset.durations_s)
        for video_id, mine in events.items():
            # Of its name, so that a video is the same whatever others there are.
            rng = np.random.default_rng([planting.seed, *video_id.encode()])
            away = [e for name, its in events.items() if name != video_id for e in its]
            drawn = rng.choice(len(away), planting.others, replace=False)
            shown = [*mine, *(away[i] for i in drawn.tolist())]
            frames = released_frames(dataset.durations_s[video_id])
            _write(folder, video_id, frames, shown, planting, rng)


def _events(
    queries: Sequence[Query], directions: Directions, durations_s: Mapping[str, float]
) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for query in queries:
        event = directions.event(query, durations_s[query.video_id])
        found.setdefault(query.video_id, []).append(event)
    return found


def _write(
    folder: Path,
    video_id: str,
    frames: int,
    events: Sequence[Event],
    planting: Planting,
    rng: np.random.Generator,
) -> None:
    place = folder / video_id
    place.mkdir()
    regions = noise(frames, planting, rng)
    odds = planting.later ** np.arange(REGIONS)
    middles = (np.arange(frames) + 0.5) / frames
    for event in events:
        (inside,) = np.nonzero((event.start <= middles) & (middles < event.end))
        drawn = rng.choice(REGIONS, len(inside), p=odds / odds.sum())
        which = drawn[_lasting(len(inside), planting, rng)]
        regions[inside, which] += event.nouns
    (place / f"{video_id}.pkl").write_bytes(pickle.dumps(regions, protocol=2))
    own = {(start, end) for start, end in released(frames).tolist()}
    contexts = {
        pair
        for start, end in own
        for pair in ((start - CONTEXT, start), (end, end + CONTEXT))
        if pair[0] >= 1 and pair[1] <= frames + 1
    }
    for first, end in sorted(own | contexts):
        vector = rng.standard_normal(planting.frame, np.float32)
        for event in events:
            low = max(first - 1, event.start * frames)
            high = min(end - 1, event.end * frames)
            vector += event.verbs * max(0.0, high - low) / (end - first)
        np.save(place / f"{video_id}_{first}_{end}.npy", vector.astype(np.float32))


def noise(
    frames: int, planting: Planting, rng: np.random.Generator
) -> Float[np.ndarray, "t r x"]:
    shape = frames, REGIONS, planting.region
    found = rng.standard_normal(shape, np.float32)
    fresh = np.float32(np.sqrt(1 - planting.lasting**2))
    for frame in range(1, frames):
        found[frame] *= fresh
        found[frame] += np.float32(planting.lasting) * found[frame - 1]
    return found


def _lasting(
    frames: int, planting: Planting, rng: np.random.Generator
) -> Int[np.ndarray, " t"]:
    """For every frame the one, itself or an earlier one, whose region it keeps."""
    moved = rng.random(frames) >= planting.lasting
    kept: Int[np.ndarray, " t"] = np.maximum.accumulate(np.arange(frames) * moved)
    return kept


def _tokens(sentence: str) -> list[str]:
    return sentence.lower().strip(".").split()


def _named(sentence: str) -> tuple[list[str], list[str]]:
    """Nouns and verbs; where there are none of a kind, all words."""
    tokens = list(language()(sentence))
    words = [token.text for token in tokens]
    nouns = [token.text for token in tokens if token.pos_ in NAMING]
    verbs = [token.text for token in tokens if token.pos_ == "VERB"]
    return nouns or words, verbs or words


def few(data: Path, root: Path, videos: Mapping[str, int]) -> None:
    """Charades-STA with the first so many videos of its train and of its test."""
    root.mkdir(parents=True)
    for split, count in videos.items():
        lines = (data / f"charades_sta_{split}.txt").read_text().splitlines()
        names = list(dict.fromkeys(line.split()[0] for line in lines))
        kept = {*names[:count]}
        text = "\n".join(line for line in lines if line.split()[0] in kept)
        (root / f"charades_sta_{split}.txt").write_text(f"{text}\n")
        lengths = (data / f"Charades_v1_{split}.csv").read_bytes()
        (root / f"Charades_v1_{split}.csv").write_bytes(lengths)
