"""The gist of a query: the mean of its phrases, which is compared in less time.

Shapes: p phrases, s sights (a frame, then its regions), t frames, v spaces; D numbers of a
vector in one space.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures
from slta.search.evidence import PICTURES_SHARE, attended, even_weights, views_of


class Gist(NamedTuple):
    """How well a sight fits is, in each space, the product with one vector, divided by the
    spread of the unrelated sentences there, plus that with another."""

    views: list[Float[np.ndarray, "_ D"]]
    """Of each space one vector, or two if the query was compared with pictures."""
    share: float
    """Weight of the comparison with the unrelated sentences."""
    usual: float
    """What the second vectors give for the usual picture."""

    @classmethod
    def of(cls, query: QueryFeatures) -> "Gist":
        weights = even_weights(len(query.phrases)).astype(np.float32)
        views = views_of(query)
        if query.usual is None:
            return cls([(weights @ vectors)[None] for vectors in views], 1.0, 0.0)
        mean, spread = query.usual[:, :, 0], query.usual[:, :, 1]
        among_sentences = (1 - PICTURES_SHARE) * weights
        among_pictures = PICTURES_SHARE * weights[:, None] / spread
        pairs = [
            np.stack([among_sentences, part]) @ vectors
            for vectors, part in zip(views, among_pictures.T, strict=False)
        ]
        usual = (among_pictures * mean).sum(axis=0).mean()
        return cls(pairs, 1 - PICTURES_SHARE, float(usual))

    def agreement(
        self,
        fits: Float[np.ndarray, "v _ s t"],
        mean: Float[np.ndarray, "v s t"],
        spread: Float[np.ndarray, "v s t"],
    ) -> Float[np.ndarray, " t"]:
        """``Relevance.agreement``, nearly, from the products with ``views``; ``mean`` and
        ``spread`` are those of the unrelated sentences."""
        fit = (fits[:, 0] - self.share * mean) / spread
        for more in fits[:, 1:].swapaxes(0, 1):
            fit += more
        found = attended(fit.mean(axis=0, keepdims=True) - self.usual)
        return found.by_phrase[:, 0]
