"""Memory that batches take in turn."""

from typing import Any
from weakref import ref

import numpy as np
from jaxtyping import Shaped
from numpy.typing import DTypeLike

Block = Shaped[np.ndarray, " bytes"]


class Memory:
    """Hands out arrays; where one was that nobody holds any more, the next may be.

    A batch of regions is hundreds of megabytes. To have the system find and clear that
    much anew takes as long as to fill it.
    """

    def __init__(self) -> None:
        self._held: list[tuple[Block, ref[Block]]] = []

    def empty(
        self, shape: tuple[int, ...], dtype: DTypeLike
    ) -> Shaped[np.ndarray, "..."]:
        """An array of anything, which its holder has to itself: as long as the array, a
        view of it or a tensor of it is held."""
        kind: np.dtype[Any] = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        block = self._take(size)
        # Views refer to the array that has no other array below it: this one.
        user = np.frombuffer(block.data, np.uint8)
        self._held.append((block, ref(user)))
        return user[:size].view(kind).reshape(shape)

    def _take(self, size: int) -> Block:
        """One for so many bytes. Those that nobody uses and that are too small go."""
        found: Block | None = None
        kept = []
        for block, user in self._held:
            if user() is not None or (found is not None and len(block) >= size):
                kept.append((block, user))
            elif len(block) >= size:
                found = block
        self._held = kept
        return np.empty(max(size, 1), np.uint8) if found is None else found
