"""An extractor of one's own: the mean colours of a grid of regions.

docs/how-to/add-an-extractor.md leads on.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from slta.features.base import QueryFeatures, VideoFeatures, frame_by_frame
from slta.features.text.minilm import MiniLM
from slta.features.text.reading import read
from slta.video.reading import Frames

GRID = 4
"""Regions in a row and in a column."""
SIDE = 64
"""Of the images, in pixels."""


class Colours:
    id = "colours"
    version = "1"
    size = (SIDE, SIDE)
    common_space = False

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        n, side = len(frames.images), SIDE // GRID
        cells = frames.images.reshape(n, GRID, side, GRID, side, 3).mean(axis=(2, 4))
        regions = cells.reshape(n, GRID * GRID, 3).astype(np.float32) / 255
        corners = [(x, y, x + 1, y + 1) for y in range(GRID) for x in range(GRID)]
        boxes = np.array(corners, np.float32) / GRID
        return VideoFeatures(
            times_s=frames.times_s,
            frames=regions.reshape(n, -1),
            regions=regions,
            boxes=np.tile(boxes, (n, 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        return read(query, MiniLM())


def colours(_: str) -> Colours:
    """From what stands after the colon of the extractor's name: nothing, here."""
    return Colours()
