"""Intermediate feature maps of EfficientNet-Lite0, on a grid of regions.

Tan and Le, ICML 2019; the weights come with a package. The last layer encodes object
classes and little else; the intermediate layers keep colour, shape, texture and position,
from which a model can learn motion. There is no common space with sentences, so these
features need a trained model.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures, Steps, VideoFeatures, frame_by_frame
from slta.features.networks import onnx
from slta.features.text.minilm import MiniLM
from slta.features.text.reading import read
from slta.video.reading import Frames

if TYPE_CHECKING:
    from slta.features.networks.graph import Graph

NETWORK = "efficientnet-lite0"
BATCH = 8
SIDE = 192
"""Side of the input images, in pixels."""
GRID = 6
"""Regions along each side, 32 pixels each."""
LAYERS = {4: 4, 10: 2}
"""Blocks whose output is used, with 40 and 112 channels, and the cells along each side of a
region."""


class Cells:
    id = "cells"
    version = "1"
    size = (SIDE, SIDE)
    common_space = False

    def __init__(self) -> None:
        self._minilm = MiniLM()

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        batches = [
            self._network.run(None, {"images": frames.images[i : i + BATCH]})
            for i in range(0, len(frames.images), BATCH)
        ]
        regions = np.concatenate([regions for regions, _ in batches])
        return VideoFeatures(
            times_s=frames.times_s,
            frames=np.concatenate([whole for _, whole in batches]),
            regions=regions,
            boxes=np.tile(_boxes(), (len(regions), 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        return read(query, self._minilm, adjectives=True)

    @cached_property
    def _network(self) -> "onnx.onnxruntime.InferenceSession":
        self.prepare()
        return onnx.session(self._place / "cells.onnx")

    @property
    def _place(self) -> Path:
        return onnx.folder(f"{self.id}-{self.version}")

    def prepare(self, steps: Steps | None = None) -> None:
        steps = steps or onnx.logged()
        self._minilm.prepare(steps)
        if self._place.exists():
            return
        steps("pictures", 0.8)
        graph = _graph()
        with onnx.kept(self._place) as folder:
            graph.write(folder / "cells.onnx")


def _boxes() -> Float[np.ndarray, "r 4"]:
    corners = [(x, y, x + 1, y + 1) for y in range(GRID) for x in range(GRID)]
    return np.array(corners, np.float32) / GRID


def _graph() -> "Graph":
    from slta.features.networks import efficientnet
    from slta.features.networks.graph import Graph

    graph = Graph()
    images = graph.input("images", np.uint8, "n", SIDE, SIDE, 3)
    weights = efficientnet.weights(NETWORK)
    kept = []
    blocks = efficientnet.blocks(graph, images, weights)
    for number, cells in enumerate(islice(blocks, max(LAYERS) + 1)):
        if number in LAYERS:
            square = [LAYERS[number]] * 2
            kept.append(
                graph("AveragePool", cells, kernel_shape=square, strides=square)
            )
    rows = graph("Reshape", graph("Concat", *kept, axis=1), np.array([0, 0, -1]))
    regions = graph("Transpose", rows, perm=[0, 2, 1])
    mean = graph("ReduceMean", regions, axes=[1])
    away = graph("Sub", regions, mean)
    spread = graph("Sqrt", graph("ReduceMean", graph("Mul", away, away), axes=[1]))
    frames = graph("Reshape", graph("Concat", mean, spread, axis=2), np.array([0, -1]))
    graph.output("regions", regions, "n", GRID * GRID, "d")
    graph.output("frames", frames, "n", "2d")
    return graph
