"""How long the extractors take, at the sizes of the published networks.

The weights are random: who has the published ones waits as long for them.
"""

import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    ResNetConfig,
    RTDetrConfig,
    RTDetrForObjectDetection,
)

from slta.features import extractor
from slta.features.base import Extractor
from slta.features.extractors import c3d

FILM = "intel_bottle-detection.mp4"
RATE_HZ = 3.0
SAMPLES = 4
ROUNDS = 3


def measure(videos: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        named = {
            name: extractor(f"{name.partition(':')[0]}:{where}")
            for name, where in _weights(Path(folder)).items()
        }
        named["cells"] = extractor("cells")
        # In turn, so that whatever else runs on the machine delays all of them. In the
        # first round the weights are read, too.
        _, *rounds = [
            {name: _watched(each, videos) for name, each in named.items()}
            for _ in range(1 + ROUNDS)
        ]
    return {
        "film": FILM,
        "extractors": [
            {
                "name": name,
                "frame": rounds[0][name][0][0],
                "regions": rounds[0][name][0][1:],
                "seconds_a_sample": round(
                    statistics.median(seen[name][1] for seen in rounds), 3
                ),
                "times_cells": round(
                    statistics.median(
                        seen[name][1] / seen["cells"][1] for seen in rounds
                    )
                ),
            }
            for name in named
        ],
    }


def _weights(folder: Path) -> dict[str, str]:
    """Where the weights of each extractor lie, by its name."""
    torch.manual_seed(0)
    network, layout = c3d.C3DNetwork(), c3d.LAYOUTS[-1]
    torch.save(
        {
            f"{theirs}.{part}": values
            for name, theirs in zip(c3d.LAYERS, layout.names, strict=True)
            for part, values in network.layers[name].named_parameters()
        },
        folder / "c3d.pth",
    )
    last: dict[str, Any] = {"out_features": ["stage4"]}
    given: dict[str, Any] = {"use_timm_backbone": False}
    given["backbone_config"] = ResNetConfig(**last)
    DetrForObjectDetection(DetrConfig(**given)).save_pretrained(folder / "detr")
    RTDetrForObjectDetection(RTDetrConfig()).save_pretrained(folder / "rt-detr")
    return {
        "c3d:FILE": str(folder / "c3d.pth"),
        "detr:FOLDER": str(folder / "detr"),
        "detr-boxes:FOLDER": str(folder / "detr"),
        "detr:FOLDER (RT-DETR)": str(folder / "rt-detr"),
    }


def _watched(one: Extractor, videos: Path) -> tuple[tuple[int, int, int], float]:
    """The sizes of what it makes, and how long it takes a sample."""
    seen, begun = 0, time.perf_counter()
    pieces = one.watch(videos / FILM, rate_hz=RATE_HZ)
    while seen < SAMPLES:
        (piece,) = islice(pieces, 1)
        seen += len(piece.times_s)
    _, count, size = piece.regions.shape
    shape = piece.frames.shape[1], count, size
    return shape, (time.perf_counter() - begun) / seen
