"""Extractors that know colours and need no network, and videos of colours."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures, VideoFeatures, frame_by_frame
from slta.video import writing
from slta.video.reading import Frames

GRID = [(x, y, x + 1, y + 1) for y in range(2) for x in range(2)]


class Tiles:
    """An extractor of four regions and of words one by one, in no common space."""

    id, version, size, common_space = "tiles", "1", (8, 8), False

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        looks = frames.images.astype(np.float32) / 255
        cells = looks.reshape(len(looks), 2, 4, 2, 4, 3).mean(axis=(2, 4))
        return VideoFeatures(
            times_s=frames.times_s,
            frames=looks.mean(axis=(1, 2)),
            regions=cells.reshape(-1, 4, 3),
            boxes=np.tile(np.array(GRID, np.float32) / 2, (len(looks), 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        words = tuple(query.split())
        read = [Colours().text(word) for word in words]
        whole = Colours().text(query)
        return replace(
            whole,
            words=words,
            word_vectors=np.concatenate([each.word_vectors for each in read]),
            noun_mask=np.ones(len(words), bool),
            appearances=None,
        )


class Colours:
    """An extractor that knows red, green and blue, and needs no network."""

    id = "colours"
    version = "1"
    size = (8, 8)
    common_space = True

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        looks = frames.images.mean(axis=(1, 2), dtype=np.float32) / 255
        n = len(looks)
        return VideoFeatures(
            times_s=frames.times_s,
            frames=looks,
            regions=looks[:, None],
            frame_meanings=looks,
            region_meanings=looks[:, None],
            boxes=np.tile(np.array([0, 0, 1, 1], np.float32), (n, 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        named = ["red", "green", "blue"]
        rng = np.random.default_rng(zlib.crc32(query.encode()))
        meaning = np.eye(3)[named.index(query)] if query in named else rng.random(3)
        meanings = meaning[None].astype(np.float32) / np.linalg.norm(meaning)
        return QueryFeatures(
            query=query,
            words=(query,),
            word_vectors=meanings,
            noun_mask=np.array([True]),
            action=False,
            phrases=(query,),
            meanings=meanings.astype(np.float32),
            attainable=np.ones(1, np.float32),
            appearances=meanings.astype(np.float32),
        )


def coloured(path: Path, *, order: str = "red green blue", rate_hz: float = 10) -> Path:
    """A film of some colours, twenty frames each."""
    shades = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}
    pictures = [
        np.full((48, 64, 3), shades[name], np.uint8)
        for name in order.split()
        for _ in range(20)
    ]
    writing.write(path, pictures, rate_hz=rate_hz)
    return path


def meanings_of(features: VideoFeatures) -> tuple[np.ndarray, np.ndarray]:
    """Those of the frames and of the regions, which must be there."""
    assert features.frame_meanings is not None
    assert features.region_meanings is not None
    return features.frame_meanings, features.region_meanings


def cosines(
    x: Float[np.ndarray, "... d"], y: Float[np.ndarray, "... d"]
) -> Float[np.ndarray, "..."]:
    """Of corresponding vectors."""
    lengths = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
    return np.asarray((x * y).sum(axis=-1) / lengths)
