"""C3D again, by sums over shifted pictures and without torch."""

from collections.abc import Mapping
from itertools import product

import numpy as np
from jaxtyping import Float, UInt8

Array = np.ndarray
Weights = Mapping[str, Float[np.ndarray, "..."]]


def fc6(
    weights: Weights,
    frames: UInt8[np.ndarray, "16 128 171 3"],
    *,
    mean: tuple[float, float, float],
    blue_first: bool,
) -> Float[np.ndarray, " d"]:
    """``weights`` go by the names of the paper's layers."""
    x = np.zeros((3, 16, 112, 112))
    for channel in range(3):
        seen = frames[:, 8:120, 29:141, 2 - channel if blue_first else channel]
        x[channel] = seen.astype(float) - mean[channel]
    for block in ["1a"], ["2a"], ["3a", "3b"], ["4a", "4b"], ["5a", "5b"]:
        for name in block:
            x = convolved(x, weights[f"conv{name}.weight"], weights[f"conv{name}.bias"])
        if block == ["5a", "5b"]:
            x = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=-np.inf)
        x = pooled(x, 1 if block == ["1a"] else 2)
    assert x.shape[1:] == (1, 4, 4)
    flat = weights["fc6.weight"] @ x.ravel() + weights["fc6.bias"]
    return np.maximum(flat, 0)


def convolved(x: Array, weight: Array, bias: Array) -> Array:
    """Each place sees the 3 x 3 x 3 around it, with zeros around the whole."""
    _, t, h, w = x.shape
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (1, 1)])
    total = np.zeros((len(weight), t, h, w)) + bias[:, None, None, None]
    for i, j, k in product(range(3), repeat=3):
        shifted = padded[:, i : i + t, j : j + h, k : k + w]
        total += np.tensordot(weight[:, :, i, j, k], shifted, axes=1)
    return np.maximum(total, 0)


def pooled(x: Array, frames: int) -> Array:
    """The greatest of ``frames`` x 2 x 2; what is left over at an end is dropped."""
    channels, t, h, w = x.shape
    t, h, w = t // frames, h // 2, w // 2
    cut = x[:, : t * frames, : h * 2, : w * 2]
    return cut.reshape(channels, t, frames, h, 2, w, 2).max(axis=(2, 4, 6))
