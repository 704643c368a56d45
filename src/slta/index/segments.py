"""Segments of a video by its own structure, and the vectors that propose windows for an
example.

Shapes: t frames, n segments; D numbers of a vector, d of its projection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from slta.features.base import QueryFeatures
from slta.search.compact import Window
from slta.search.evidence import views_of

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


@dataclass(frozen=True)
class SegmentRows:
    """Segments of a video or of many, a row each."""

    windows: Int[np.ndarray, " n"]
    """Number of the segment's window."""
    starts: Int[np.ndarray, " n"]
    """First frame."""
    ends: Int[np.ndarray, " n"]
    vectors: Float[np.ndarray, "n d"]
    """Mean frames, projected; the spaces side by side."""

    @classmethod
    def of(cls, windows: Sequence[Window], bases: Bases) -> "SegmentRows":
        parts = [_segments(i, window, bases) for i, window in enumerate(windows)]
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        return self.windows, self.starts, self.ends, self.vectors


def _segments(number: int, window: Window, bases: Bases) -> tuple[np.ndarray, ...]:
    frames = [space.frames() for space in window.spaces]
    ends = boundaries(frames[-1])
    starts = np.concatenate([[0], ends[:-1]])
    counts = (ends - starts)[:, None]
    means = [
        np.add.reduceat(vectors, starts, axis=0) / counts @ basis
        for vectors, basis in zip(frames, bases, strict=True)
    ]
    return (
        np.full(len(starts), number),
        window.first + starts,
        window.first + ends,
        np.concatenate(means, axis=1).astype(np.float16),
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
