"""Segments of a video by its own structure, and the vectors that propose windows.

Shapes: t frames, s sights, v spaces, n segments; D numbers of a vector, d of its
projection.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from slta.features.base import QueryFeatures
from slta.search.compact import Window
from slta.search.evidence import PICTURES_SHARE, even_weights, views_of

CUT = 0.5
"""Cosine of two consecutive frames below which a new shot begins."""
LONGEST = 16
"""Maximum frames of a segment; longer shots are divided where they change most."""
SHORTEST = 2
"""Minimum frames of a segment of a divided shot."""
SIZES = (96, 128)
"""Numbers of a projected meaning, and of a projected look."""


Bases = Sequence[Float[np.ndarray, "_ _"]]
"""Of each space, the directions to which vectors are projected."""


def bases_of(queries: Sequence[QueryFeatures]) -> list[Float[np.ndarray, "_ _"]]:
    """The directions in which queries differ most."""
    spaces = zip(*(views_of(query) for query in queries), strict=True)
    stacked = [np.concatenate(vectors) for vectors in spaces]
    return [
        np.linalg.svd(vectors, full_matrices=False)[2][:size].T.astype(np.float32)
        for vectors, size in zip(stacked, SIZES, strict=False)
    ]


class Segments(NamedTuple):
    """Of one window, or of many."""

    ends: Int[np.ndarray, " n"]
    """Frame of the window at which each ends."""
    vectors: Float[np.ndarray, "n d"]
    """Mean frames, projected; the spaces side by side."""
    levels: Float[np.ndarray, "n v 2"]
    """Mean of 1 / spread, and of mean / spread, of the unrelated sentences."""


def segments_of(window: Window, bases: Bases) -> Segments:
    frames = [space.frames() for space in window.spaces]
    ends = boundaries(frames[-1])
    starts = np.concatenate([[0], ends[:-1]])
    counts = (ends - starts)[:, None]

    def means(values: Float[np.ndarray, "t _"]) -> Float[np.ndarray, "n _"]:
        return np.add.reduceat(values, starts, axis=0) / counts

    mean, spread = window.levels[:, :, 0].transpose(0, 2, 1).astype(np.float32)
    projected = [means(f) @ basis for f, basis in zip(frames, bases, strict=True)]
    return Segments(
        ends=ends,
        vectors=np.concatenate(projected, axis=1),
        levels=np.stack([means(1 / spread), means(mean / spread)], axis=2),
    )


def boundaries(looks: Float[np.ndarray, "t D"]) -> Int[np.ndarray, " n"]:
    """Frames at which segments end: cuts, and the largest changes within long shots."""
    unit = looks / (np.linalg.norm(looks, axis=1, keepdims=True) + 1e-6)
    alike = np.einsum("td,td->t", unit[1:], unit[:-1])
    ends = [*(np.flatnonzero(alike < CUT) + 1).tolist(), len(looks)]
    pieces = list(zip([0, *ends], ends, strict=False))
    divided = []
    while pieces:
        first, end = pieces.pop()
        if end - first <= LONGEST:
            divided.append(end)
            continue
        inner = alike[first + SHORTEST - 1 : end - SHORTEST]
        middle = first + SHORTEST + int(inner.argmin())
        pieces += [(first, middle), (middle, end)]
    return np.array(sorted(divided), np.int64)


class Probe(NamedTuple):
    """A query, made ready to be compared with segments."""

    directions: Float[np.ndarray, "d 2v"]
    """Of each space, for the comparison with other sentences and with other pictures."""
    shift: float
    share: float
    """Weight of the comparison with other sentences."""

    @classmethod
    def of(cls, query: QueryFeatures, bases: Bases) -> "Probe":
        views = views_of(query)
        weights = even_weights(len(query.phrases))
        sizes = [basis.shape[1] for basis in bases]
        directions = np.zeros((sum(sizes), 2 * len(views)), np.float32)
        shift, first = 0.0, 0
        for v, (vectors, basis) in enumerate(zip(views, bases, strict=False)):
            here = slice(first, first + sizes[v])
            first += sizes[v]
            directions[here, 2 * v] = (weights @ vectors) @ basis
            if query.usual is not None:
                usual, spread = query.usual[:, v].T
                directions[here, 2 * v + 1] = ((weights / spread) @ vectors) @ basis
                shift -= float(weights @ (usual / spread))
        share = 1.0 if query.usual is None else 1 - PICTURES_SHARE
        return cls(directions, shift / len(views), share)

    def fits(
        self, vectors: Float[np.ndarray, "n d"], levels: Float[np.ndarray, "n v 2"]
    ) -> Float[np.ndarray, " n"]:
        """How well the query fits the frames of each segment, as in ``relevance``."""
        raw = vectors @ self.directions
        views = raw.shape[1] // 2
        among_sentences = (
            raw[:, ::2] * levels[:, :views, 0] - levels[:, :views, 1]
        ).mean(axis=1)
        among_pictures = raw[:, 1::2].mean(axis=1) + self.shift
        return self.share * among_sentences + (1 - self.share) * among_pictures
