"""Videos of shots that have a few directions each, and queries, by seed."""

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures, VideoFeatures
from slta.search.compact import Compact, compacted

MEANING, LOOK, REGIONS, HZ = 24, 40, 9, 2.0


def shots(seed: int, lengths: list[int], spread: float = 0.3) -> VideoFeatures:
    """Frames that stay near the look of their shot, which has a few directions."""
    rng = np.random.default_rng(seed)

    def vectors(size: int) -> Float[np.ndarray, "t s d"]:
        parts = []
        for length in lengths:
            ways = rng.normal(size=(5, size))
            mixed = rng.normal(size=(length, 1 + REGIONS, 5)) * spread @ ways
            parts.append(rng.normal(size=size) + mixed)
        return np.concatenate(parts).astype(np.float32)

    boxes = rng.uniform(size=(REGIONS, 4)).astype(np.float32)
    looks, meanings = vectors(LOOK), vectors(MEANING)
    times_s = np.arange(len(looks)) / HZ
    return VideoFeatures.of_sights(times_s, [(looks, meanings)], boxes)


def query(seed: int, phrases: int = 2) -> QueryFeatures:
    rng = np.random.default_rng(seed)
    return QueryFeatures(
        query="a thing",
        words=("a", "thing"),
        word_vectors=np.ones((2, 3), np.float32),
        noun_mask=np.array([False, True]),
        action=True,
        phrases=("a thing",) * phrases,
        meanings=rng.normal(size=(phrases, MEANING)).astype(np.float32),
        attainable=np.full(phrases, 0.7, np.float32),
        appearances=rng.normal(size=(phrases, LOOK)).astype(np.float32),
        usual=np.abs(rng.normal(size=(phrases, 2, 2))).astype(np.float32) + 0.5,
    )


UNRELATED = [query(seed, 1) for seed in range(100, 130)]


def made(video: VideoFeatures, piece: int = 32) -> Compact:
    pieces = (video.part(i, i + piece) for i in range(0, len(video.times_s), piece))
    return compacted(pieces, UNRELATED, HZ)
