"""EfficientNet-Lite in 8 bits, for onnxruntime: half the time, nearly the same features.

No pictures are needed to calibrate it (data-free quantisation: Nagel et al., ICCV 2019). The
range of each channel follows from the batch normalisation before it, whose output has its
bias as mean and its scale as standard deviation. Ranges are folded into the weights of the
convolutions before and after, so that a tensor's channels share one step: 1.

Channels come last in all tensors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from slta.features.networks.efficientnet import (
    HEAD,
    MOST,
    STEM,
    Block,
    Layer,
    fused,
    groups,
    plan,
)
from slta.features.networks.graph import RUNTIME, Graph, Weights

RECTIFIED, LINEAR = 16.0, 5.0
"""Standard deviations from the mean to the end of the range, after ReLU6 and without it, by the
cosine with the features in float32 (docs/decisions/0006-networks-as-onnx.md)."""
TOP = 127
"""Largest weight, and largest distance from the middle of a linear range."""
MIDDLE = 128
ONE = np.float32(1)
LEAST = 1e-6
"""Smallest step: some channels are constant."""


@dataclass(frozen=True, slots=True)
class BitRange:
    """What bytes stand for: channel c of byte b has the value
    ``(b - zero) * steps[c] + middles[c]``."""

    zero: int
    steps: Float64[np.ndarray, " c"]
    middles: Float64[np.ndarray, " c"]
    means: Float64[np.ndarray, " c"]
    """Of ``b - zero``."""

    def times(self, n: int) -> "BitRange":
        """The range of n pixels' channels."""
        parts = (self.steps, self.middles, self.means)
        return BitRange(self.zero, *(np.tile(part, n) for part in parts))


def linear(
    steps: Float64[np.ndarray, " c"], middles: Float64[np.ndarray, " c"]
) -> BitRange:
    return BitRange(MIDDLE, steps, middles, np.zeros_like(middles))


@dataclass(frozen=True, slots=True)
class Bytes:
    """A tensor of uint8 in a graph."""

    name: str
    range: BitRange


PIXELS = BitRange(127, np.full(3, 1 / 128), np.zeros(3), np.zeros(3))
"""The network's input is (x - 127) / 128."""


def cells(graph: Graph, images: str, weights: Weights, side: int) -> Bytes:
    """The input of the classifier before pooling, (n, y, x, channels).

    ``images`` are (n, side, side, 3), in uint8; the side is a multiple of 4.
    """
    x = _stem(graph, images, weights, side)
    for stage in _stages(weights):
        steps = _steps(weights, [block.project[1] for block in stage])
        for block in stage:
            narrow = x
            if block.expands:
                x = _convolved(graph, x, weights, block.expand)
            x = _convolved(graph, x, weights, block.depthwise, stride=block.stride)
            x = _convolved(graph, x, weights, block.project, steps=steps)
            if block.adds:
                x = _sum(graph, x, narrow)
    return _convolved(graph, x, weights, HEAD)


def _stages(weights: Weights) -> list[list[Block]]:
    """Blocks whose outputs are added up."""
    stages: list[list[Block]] = []
    for block in plan(weights):
        if not block.adds:
            stages.append([])
        stages[-1].append(block)
    return stages


def _stem(graph: Graph, images: str, weights: Weights, side: int) -> Bytes:
    """The first convolution, of two neighbours at a time.

    Of four pixels with three channels it makes two with all channels: with so few channels,
    onnxruntime would mostly copy.
    """
    kernels, bias = fused(weights, *STEM)
    width = len(kernels)
    pairs = np.zeros((2, width, 4, 3, 3, 2), np.float32)
    for half in range(2):
        for place in range(3):
            block, pixel = divmod(2 * half + place, 4)
            pairs[half, :, pixel, :, :, block] = kernels[:, :, :, place]
    made = _rectified(weights, STEM[1])
    fours = graph("Reshape", images, np.array([0, side, side // 4, 12]))
    twos = _quantised(
        graph,
        Bytes(fours, PIXELS.times(4)),
        pairs.reshape(2 * width, 12, 3, 2),
        np.tile(bias, 2),
        made.times(2),
        strides=[2, 1],
        pads=[0, 0, 1, 1],
    )
    shape = np.array([0, side // 2, side // 2, width])
    return Bytes(graph("Reshape", twos.name, shape), made)


def _convolved(
    graph: Graph,
    x: Bytes,
    weights: Weights,
    layer: Layer,
    *,
    stride: int = 1,
    steps: Float64[np.ndarray, " c"] | None = None,
) -> Bytes:
    """A convolution with the batch normalisation after it, and with ReLU6, unless the
    ``steps`` of a linear output are given."""
    kernels, bias = fused(weights, *layer)
    made = _rectified(weights, layer[1])
    if steps is not None:
        middles = weights[f"{layer[1]}.bias"].astype(np.float64)
        made = linear(steps, middles)
    return _quantised(
        graph,
        x,
        kernels,
        bias,
        made,
        group=groups(kernels),
        strides=[stride, stride],
        auto_pad="SAME_UPPER",
    )


def _rectified(weights: Weights, norm: str) -> BitRange:
    """The range after ReLU6, whose lower bound is that of the bytes."""
    mean, spread = _moments(weights, norm)
    highest = np.clip(mean + RECTIFIED * spread, 255 * LEAST, MOST)
    deviations = np.linspace(-6, 6, 601)[:, None]
    density = np.exp(-(deviations**2) / 2)
    likely = (mean + spread * deviations).clip(0, highest)
    means = (likely * density).sum(axis=0) / density.sum()
    return BitRange(0, highest / 255, np.zeros_like(highest), means * 255 / highest)


def _steps(weights: Weights, norms: Sequence[str]) -> Float64[np.ndarray, " c"]:
    """Steps of the sum of some linear outputs, as if they were independent."""
    variances = [_moments(weights, norm)[1] ** 2 for norm in norms]
    return np.maximum(LINEAR * np.sqrt(np.sum(variances, axis=0)) / TOP, LEAST)


def _moments(
    weights: Weights, norm: str
) -> tuple[Float64[np.ndarray, " c"], Float64[np.ndarray, " c"]]:
    mean = weights[f"{norm}.bias"].astype(np.float64)
    return mean, np.abs(weights[f"{norm}.weight"]).astype(np.float64)


def _quantised(
    graph: Graph,
    x: Bytes,
    kernels: Float[np.ndarray, "o i y x"],
    bias: Float[np.ndarray, " o"],
    made: BitRange,
    **attributes: object,
) -> Bytes:
    """A convolution with a step for each output channel."""
    depthwise = groups(kernels) > 1
    given = x.range
    bias = bias + (0 if depthwise else kernels.sum(axis=(2, 3)) @ given.middles)
    taken = given.steps[:, None] if depthwise else given.steps
    kernels = kernels * taken[..., None, None] / made.steps[:, None, None, None]
    steps = np.maximum(np.abs(kernels).max(axis=(1, 2, 3)), LEAST) / TOP
    whole = np.rint(kernels / steps[:, None, None, None])
    # What rounding adds to the usual input (bias correction, in the same paper).
    error = (whole * steps[:, None, None, None] - kernels).sum(axis=(2, 3))
    bias = bias - made.steps * (
        error[:, 0] * given.means if depthwise else error @ given.means
    )
    start = np.rint((bias - made.middles) / made.steps / steps)
    name = graph(
        "QLinearConv",
        x.name,
        ONE,
        np.uint8(given.zero),
        whole.astype(np.int8),
        steps.astype(np.float32),
        np.zeros(len(steps), np.int8),
        ONE,
        np.uint8(made.zero),
        start.clip(-(2**31), 2**31 - 1).astype(np.int32),
        domain=RUNTIME,
        channels_last=1,
        kernel_shape=list(kernels.shape[2:]),
        **attributes,
    )
    return Bytes(name, made)


def _sum(graph: Graph, x: Bytes, y: Bytes) -> Bytes:
    """The sum of linear outputs with the same steps."""
    zero = np.uint8(MIDDLE)
    scales = x.name, ONE, zero, y.name, ONE, zero, ONE, zero
    name = graph("QLinearAdd", *scales, domain=RUNTIME)
    return Bytes(name, linear(x.range.steps, x.range.middles + y.range.middles))
