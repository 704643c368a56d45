"""The directions in which the fits of sentences to an index's videos differ most.

A sight is a frame together with one of its regions. Its vectors in all spaces are put side
by side twice: divided by the spread of the unrelated sentences, and as they are. The fit
of a sentence is then nearly a product with them, and nearly the same in a few directions.

Shapes: n sights, t frames, r regions, s a frame and its regions, v spaces; k numbers of a
sight's vectors, d of its projection; D numbers of a vector in one space.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int8

from slta.features.base import QueryFeatures
from slta.search.compact import Space, Window, components
from slta.search.evidence import PICTURES_SHARE, even_weights, views_of

NUMBERS = 256
"""Numbers of a projected sight."""
A_WINDOW = 32
"""Sights of a window from which the directions are learnt."""
RANK = 768
"""Principal components of the sights, among which the directions are looked for."""
OWN = 0.3
"""Share of the sentences' variance that is taken to be equal in all directions, as the
unrelated sentences are few."""


class Directions(NamedTuple):
    sights: Float[np.ndarray, "k d"]
    queries: Float[np.ndarray, "k d"]
    """The fit of a query is nearly the product of its projection with that of a sight,
    plus a number that is the same for all sights."""
    centre: Float[np.ndarray, " d"]
    step: Float[np.ndarray, " d"]
    """Projected sights are ``centre + step * codes``."""
    usual: Float[np.ndarray, " k"]
    """Mean of the unrelated sentences."""

    @classmethod
    def learnt(
        cls, windows: Sequence[Window], unrelated: Sequence[QueryFeatures]
    ) -> "Directions":
        """The directions in which the fit has the largest variance; a change of a
        projected sight by 1 changes its fit to a sentence by 1 standard deviation."""
        rng = np.random.default_rng(0)
        sights = np.concatenate([_some(window, rng) for window in windows])
        usual = np.mean([_side_by_side(_sentence(q)) for q in unrelated], axis=0)
        queries = np.stack([_vectors(query, usual) for query in unrelated])
        scale = _scale(queries, windows[0])
        centre = sights.mean(axis=0)
        scaled = (sights - centre) * scale
        reach = components(scaled, RANK).astype(np.float64)
        asked = queries / scale @ reach.T
        spread = (1 - OWN) * asked.T @ asked / len(asked) + OWN * np.eye(len(reach))
        root = np.linalg.cholesky(spread)
        inside = scaled @ reach.T @ root
        axes = np.linalg.eigh(inside.T @ inside)[1][:, ::-1][:, :NUMBERS]
        to = scale[:, None] * (reach.T @ root @ axes)
        asking = np.linalg.solve(root, reach).T @ axes / scale[:, None]
        step = np.abs(inside @ axes).max(axis=0) / 127 + 1e-9
        arrays = to, asking, centre @ to, step, usual
        return cls(*(array.astype(np.float32) for array in arrays))

    def of_query(self, query: QueryFeatures) -> Float[np.ndarray, " d"]:
        """Its product with the codes of a sight is its fit."""
        asked: Float[np.ndarray, " d"] = _vectors(query, self.usual) @ self.queries
        return asked * self.step

    def of_window(self, window: Window) -> Float[np.ndarray, "t r d"]:
        spaces = _spaces(window)
        sizes = [space.basis.shape[1] for space in spaces]
        parts = np.split(self.sights, np.cumsum(sizes * 2)[:-1])
        total = np.zeros((), np.float32)
        for v, space in enumerate(spaces):
            both = np.concatenate([parts[v], parts[len(spaces) + v]], axis=1)
            inside = space.basis.astype(np.float32) @ both
            fits = space.codes.astype(np.float32) @ (space.step[:, None] * inside)
            fits += space.low @ inside + space.centre @ both
            divided, plain = np.split(fits, 2, axis=2)
            spread = window.levels[1, v].T.astype(np.float32)
            total = total + plain + divided / spread[:, :, None]
        return (total[:, :1] + total[:, 1:]) / 2

    def codes(self, sights: Float[np.ndarray, "*n d"]) -> Int8[np.ndarray, "*n d"]:
        codes = np.rint((sights - self.centre) / self.step)
        return np.clip(codes, -127, 127).astype(np.int8)


def _spaces(window: Window) -> list[Space]:
    """Those in which frames and sentences can be compared."""
    return list(window.spaces[: window.levels.shape[1]])


def _some(window: Window, rng: np.random.Generator) -> Float[np.ndarray, "n k"]:
    frames = rng.integers(len(window), size=A_WINDOW)
    regions = rng.integers(1, window.levels.shape[2], size=A_WINDOW)
    parts = list[np.ndarray]()
    for divided in (True, False):
        for v, space in enumerate(_spaces(window)):
            both = np.zeros((A_WINDOW, space.basis.shape[1]), np.float32)
            for which in (np.zeros_like(regions), regions):
                inside = space.low + space.step * space.codes[frames, which]
                vectors = inside @ space.basis.astype(np.float32) + space.centre
                spread = window.levels[1, v, which, frames].astype(np.float32)
                both += vectors / spread[:, None] if divided else vectors
            parts.append(both / 2)
    return np.concatenate(parts, axis=1)


def _vectors(
    query: QueryFeatures, usual: Float[np.ndarray, " k"]
) -> Float[np.ndarray, " k"]:
    """What a query compares with a sight's vectors, on average over its phrases."""
    views = views_of(query)
    weights = even_weights(len(query.phrases))
    among_sentences = _side_by_side([weights @ vectors for vectors in views]) - usual
    if query.usual is None:
        return among_sentences / len(views)
    spreads = query.usual[:, :, 1].T
    parts = [
        (weights / spread) @ vectors
        for spread, vectors in zip(spreads, views, strict=True)
    ]
    among_pictures = np.roll(_side_by_side(parts), len(usual) // 2)
    both = (1 - PICTURES_SHARE) * among_sentences + PICTURES_SHARE * among_pictures
    return both / len(views)


def _sentence(query: QueryFeatures) -> list[Float[np.ndarray, " D"]]:
    return [vectors[0] for vectors in views_of(query)]


def _side_by_side(parts: Sequence[Float[np.ndarray, " _"]]) -> Float[np.ndarray, " k"]:
    """Parts that are compared with divided vectors, and zeros for the others."""
    first = np.concatenate(parts)
    return np.concatenate([first, np.zeros_like(first)])


def _scale(
    queries: Float[np.ndarray, "n k"], window: Window
) -> Float[np.ndarray, " k"]:
    """Standard deviation of each part of the queries, over all its directions."""
    sizes = [space.basis.shape[1] for space in _spaces(window)] * 2
    parts = np.split(queries, np.cumsum(sizes)[:-1], axis=1)
    levels = [np.full(p.shape[1], (p**2).mean() ** 0.5 + 1e-6) for p in parts]
    return np.concatenate(levels)
