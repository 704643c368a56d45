"""The image networks of ``imagenet-words``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from slta.features.networks.graph import Graph, Weights

CELL = 32
"""Stride of a network's last feature map, in pixels."""
SEEN = 1280
"""Input size of the classifier, in all of the networks."""


@dataclass(frozen=True, slots=True)
class Eye:
    """A network with its input size and its square regions."""

    network: str
    side: int
    """Side of the input images, in pixels; larger than in training, for small objects."""
    pool: int
    """Cells along each side of a region."""
    step: int
    """Stride of the regions in cells; equal to ``pool``, they tile the image."""

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
        """The network from images to features and embeddings, of the whole image and then
        its regions. ``classes`` are embeddings of the classes' names."""
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
"""By the part of the extractor's name after the colon."""
