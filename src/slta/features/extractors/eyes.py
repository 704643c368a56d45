"""The networks with which ``imagenet-words`` looks at pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from slta.features.networks.graph import Graph, Weights

CELL = 32
"""Pixels from one of a network's cells to the next."""
SEEN = 1280
"""Numbers that the classifier sees, in all of the networks."""


@dataclass(frozen=True, slots=True)
class Eye:
    """A network, and what it looks at: the picture and square regions of it."""

    network: str
    side: int
    """Of the images, in pixels. Larger than the network was trained with, for small
    things."""
    pool: int
    """A region is pool x pool of the network's grid x grid cells."""
    step: int
    """Cells from one region to the next; regions tile the image where it is ``pool``."""

    @property
    def id(self) -> str:
        name = self.network.removeprefix("efficientnet-")
        return f"{name}-{self.side}-{self.pool}-{self.step}"

    @property
    def file(self) -> str:
        return f"{self.network}.onnx"

    @property
    def grid(self) -> int:
        return -(-self.side // CELL)

    def boxes(self) -> Float[np.ndarray, "r 4"]:
        """The regions as fractions of the image, row by row."""
        starts = range(0, self.grid - self.pool + 1, self.step)
        corners = [(x, y, x + self.pool, y + self.pool) for y in starts for x in starts]
        return np.array(corners, np.float32) / self.grid

    def graph(
        self, weights: "Weights", classes: Float[np.ndarray, "1000 k"]
    ) -> "Graph":
        """From images to looks and meanings, of the whole image first, then its regions.
        ``classes`` are what the classes mean."""
        from slta.features.networks import efficientnet
        from slta.features.networks.graph import Graph

        graph = Graph()
        images = graph.input("images", np.uint8, "n", self.side, self.side, 3)
        *_, last = efficientnet.blocks(graph, images, weights)
        cells = efficientnet.head(graph, last, weights)
        pooled = graph(
            "AveragePool",
            cells,
            kernel_shape=[self.pool, self.pool],
            strides=[self.step, self.step],
        )
        flat = np.array([0, SEEN, -1])
        parts = [
            graph("Reshape", sights, flat)
            for sights in (graph("GlobalAveragePool", cells), pooled)
        ]
        looks = graph("Transpose", graph("Concat", *parts, axis=2), perm=[0, 2, 1])
        classifier = weights["_fc.weight"]
        scores = graph("Add", graph("MatMul", looks, classifier.T), weights["_fc.bias"])
        meanings = graph("MatMul", graph("Softmax", scores, axis=-1), classes)
        sights = 1 + len(self.boxes())
        graph.output("looks", looks, "n", sights, SEEN)
        graph.output("meanings", meanings, "n", sights, classes.shape[1])
        return graph


EYES = {
    "lite0": Eye("efficientnet-lite0", side=288, pool=3, step=3),
    "lite1": Eye("efficientnet-lite1", side=288, pool=3, step=3),
    "lite2": Eye("efficientnet-lite2", side=288, pool=3, step=3),
}
"""By what stands after the colon of the extractor's name."""
