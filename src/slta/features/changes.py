"""Pictures that hardly differ from one that was looked at need no second look."""

from typing import Final, final

import numpy as np
from jaxtyping import Bool, UInt8

CELL: Final = 16
"""Largest side of the squares that are compared, in pixels."""
LEAST: Final = 10.0
"""Mean difference of the levels, of 255, at which a square has changed; so that the
features differ from those of a second look no more than 8 bits make them differ."""


@final
class Changes:
    """Compares each picture with the last new one, so that slow changes add up."""

    def __init__(self) -> None:
        self._last: UInt8[np.ndarray, "h w 3"] | None = None

    def new(self, images: UInt8[np.ndarray, "t h w 3"]) -> Bool[np.ndarray, " t"]:
        """Which of the next pictures differ, in any square, from the last that did."""
        return np.array([self._is_new(image) for image in images], bool)

    def _is_new(self, image: UInt8[np.ndarray, "h w 3"]) -> bool:
        if self._last is not None and most_change(image, self._last) < LEAST:
            return False
        self._last = image
        return True


def most_change(
    image: UInt8[np.ndarray, "h w 3"], other: UInt8[np.ndarray, "h w 3"]
) -> float:
    """Mean absolute difference in the square that has changed most."""
    away = np.maximum(image, other) - np.minimum(image, other)
    height, width, _ = away.shape
    y, x = _side(height), _side(width)
    rows = away.reshape(height // y, y, width * 3).sum(axis=1, dtype=np.uint16)
    cells = rows.reshape(len(rows), -1, x * 3).sum(axis=2, dtype=np.uint32)
    return float(cells.max()) / (y * x * 3)


def _side(length: int) -> int:
    return max(side for side in range(1, CELL + 1) if length % side == 0)
