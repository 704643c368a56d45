"""Random weights of C3D, in the layouts of the projects that publish them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from slta.features.extractors.c3d import LAYERS, LAYOUTS, C3DNetwork, WeightsLayout

SMALL = (4, 5, 6, 6, 7, 7, 8, 8, 9)


def random_weights(seed: int = 0) -> dict[str, Tensor]:
    """Of the layers in the order of the paper."""
    random = torch.Generator().manual_seed(seed)
    network = C3DNetwork()
    return {
        f"{name}.{part}": torch.randn(values.shape, generator=random)
        / (10 if part == "bias" else values[0].numel() ** 0.5)
        for name in LAYERS
        for part, values in network.layers[name].named_parameters()
    }


def renamed(
    weights: Mapping[str, Tensor], layout: WeightsLayout, prefix: str = ""
) -> dict[str, Tensor]:
    theirs = dict(zip(LAYERS, layout.names, strict=True))
    found = {}
    for name, values in weights.items():
        layer, part = name.split(".")
        found[f"{prefix}{theirs[layer]}.{part}"] = values
    return found


def save_weights(
    path: Path, layout: WeightsLayout = LAYOUTS[0], **more: Tensor
) -> Path:
    torch.save({**renamed(random_weights(), layout), **more}, path)
    return path
