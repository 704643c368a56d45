"""How fast, how large and how complete the search in an index of many hours is.

No real library of a hundred hours is at hand, so one is made of real features: frames of
the real clips are mixed two by two (shares, speed, direction, mirroring and the weight of
each feature are drawn), shots of 3 to 60 seconds make films, and the films' windows are
repeated with changes (order of the frames, mirroring, a shift of all vectors, noise), so
that no two are equal. Films last from 20 seconds to 2 hours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.features.base import VideoFeatures
from slta.index import Index
from slta.index.looking import Seen
from slta.index.scanning import State
from slta.index.segments import Bases, bases_of
from slta.index.tables import File, Tables, read_bases, write_snapshot
from slta.moments import VideoInfo
from slta.search.compact import Compact, Window
from slta.search.evidence import levels
from slta.search.zero_shot import RATE_HZ, ZeroShot

HOURS = (1, 10, 100)
POOL_H = 2.0
"""Hours that are made frame by frame; the rest repeats them with changes."""
TOP = 10
EXHAUSTIVE = 17
"""Queries that are also compared with every window of the largest library."""
BATCH = 20
"""Videos added at a time."""


class Mixer:
    """Shots made of the frames of real clips."""

    def __init__(self, clips: Sequence[VideoFeatures], model: ZeroShot) -> None:
        from slta.features.networks import efficientnet

        self._rng = np.random.default_rng(0)
        self._clips = clips
        extractor: Any = model.library.extractor
        weights = efficientnet.weights(extractor.eye.network)
        self._classifier = weights["_fc.weight"].T
        self._bias = weights["_fc.bias"]
        self._names = extractor._names

    def film(self, frames: int) -> VideoFeatures:
        parts = list[np.ndarray]()
        while (left := frames - sum(map(len, parts))) > 0:
            parts.append(self._shot(min(left, int(self._rng.integers(6, 120)))))
        looks = np.concatenate(parts)
        scores = looks @ self._classifier + self._bias
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        meanings = scores / scores.sum(axis=-1, keepdims=True) @ self._names
        boxes = np.asarray(self._clips[0].boxes[:1], np.float32)
        return VideoFeatures.of_sights(
            np.arange(frames) / RATE_HZ, [(looks, meanings)], boxes[0]
        )

    def _shot(self, frames: int) -> Float[np.ndarray, "t s d"]:
        one, other = self._rng.choice(len(self._clips), 2, replace=False)
        share = self._rng.uniform(0.55, 1.0)
        mixed = share * self._run(one, frames) + (1 - share) * self._run(other, frames)
        size = mixed.shape[2]
        return mixed * np.exp(self._rng.normal(0, 0.15, size)).astype(np.float32)

    def _run(self, clip: int, frames: int) -> Float[np.ndarray, "t s d"]:
        """Frames of a clip, to and fro, at some speed, mirrored or not."""
        video = self._clips[clip]
        length = len(video.frames)
        at = self._rng.integers(length) + np.arange(frames) * self._rng.uniform(0.5, 2)
        at = np.abs((at.astype(int) + length) % (2 * length) - length) % length
        whole = np.concatenate([video.frames[at][:, None], video.regions[at]], axis=1)
        return _mirrored(whole) if self._rng.random() < 0.5 else whole


def _mirrored(sights: np.ndarray) -> np.ndarray:
    side = round((sights.shape[1] - 1) ** 0.5)
    order = np.arange(side * side).reshape(side, side)[:, ::-1].reshape(-1)
    return sights[:, [0, *(1 + order)]]


def varied(
    window: Window, first: int, rng: np.random.Generator, model: ZeroShot
) -> Window:
    """A window that begins at another frame and is like this one, but not equal."""
    order = np.arange(len(window))
    order = np.roll(order, rng.integers(len(order)))[:: rng.choice([1, -1])]
    mirror = rng.random() < 0.5
    spaces = []
    for space in window.spaces:
        codes = space.codes[:, order]
        codes = _mirrored(codes.swapaxes(0, 1)).swapaxes(0, 1) if mirror else codes
        noise = rng.integers(-2, 3, codes.shape[2:], np.int16)
        shift = rng.normal(0, 0.1 * np.abs(space.centre).mean(), space.centre.shape)
        spaces.append(
            replace(
                space,
                codes=np.clip(codes + noise, 0, 255).astype(np.uint8),
                centre=(space.centre + shift).astype(np.float32),
            )
        )
    changed = replace(
        window,
        first=first,
        spaces=tuple(spaces),
        likeness=window.likeness[order],
        change=window.change[order],
    )
    both = np.stack(levels(changed, model.unrelated))
    return replace(changed, levels=np.moveaxis(both, 1, 3).astype(np.float16))


def films(
    hours: float, pool: Sequence[Window], scenes: float, model: ZeroShot, bases: Bases
) -> Iterator[Seen]:
    rng = np.random.default_rng(1)
    done = 0
    while done < hours * 3600 * RATE_HZ:
        wanted = int(np.exp(rng.uniform(np.log(40), np.log(14_400))))
        windows = list[Window]()
        frames = 0
        while frames < wanted:
            window = varied(pool[int(rng.integers(len(pool)))], frames, rng, model)
            windows.append(window)
            frames = window.end
        done += frames
        compact = Compact(tuple(windows), scenes * len(windows) ** 0.5)
        info = VideoInfo("film", frames / RATE_HZ, 640, 360)
        yield Seen.of(rng.bytes(32).hex(), info, 0.0, compact, bases)


def build(folder: Path, hours: float, pool: Sequence[Window], store: Path) -> Index:
    root = folder / f"{hours:g}"
    root.mkdir(parents=True)
    index = Index.open(root, place=folder / f"{hours:g}-index", store=store)
    tables = Tables.create(index.place, index.head(), bases_of(index.model.unrelated))
    bases = read_bases(index.place)
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

    for seen in films(hours, pool, 2.0, index.model, bases):
        waiting.append(seen)
        if len(waiting) == BATCH:
            commit()
    commit()
    tables.tidy()
    write_snapshot(index.place, tables.snapshot())
    return index
