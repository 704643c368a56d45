"""Small DETR and RT-DETR networks with random weights, saved by transformers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    DetrImageProcessorPil,
    ResNetConfig,
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrImageProcessorPil,
    RTDetrResNetConfig,
    RTDetrV2Config,
    RTDetrV2ForObjectDetection,
)

SIDES = (96, 64)
"""Width and height of the pictures of most tests."""
CHANNELS = 32
SMALL: dict[str, Any] = {
    "d_model": 16,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "decoder_layers": 2,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "num_labels": 5,
}
BACKBONE: dict[str, Any] = {
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 24, CHANNELS],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
}


def detr(queries: int) -> Any:
    given = {**SMALL, "use_timm_backbone": False, "num_queries": queries}
    given["backbone_config"] = ResNetConfig(**{**BACKBONE, "out_features": ["stage4"]})
    return DetrForObjectDetection(DetrConfig(**given))


def rt_config(made_by: Any, queries: int) -> Any:
    backbone = RTDetrResNetConfig(**{**BACKBONE, "out_indices": [2, 3, 4]})
    return made_by(
        **SMALL,
        backbone_config=backbone,
        num_queries=queries,
        num_denoising=0,
        encoder_hidden_dim=16,
        encoder_in_channels=[16, 24, CHANNELS],
        decoder_in_channels=[16, 16, 16],
    )


def rt_detr(queries: int) -> Any:
    return RTDetrForObjectDetection(rt_config(RTDetrConfig, queries))


def rt_detr_v2(queries: int) -> Any:
    return RTDetrV2ForObjectDetection(rt_config(RTDetrV2Config, queries))


MODELS: dict[str, Callable[[int], Any]] = {
    "detr": detr,
    "rt_detr": rt_detr,
    "rt_detr_v2": rt_detr_v2,
}


def save_detector(folder: Path, kind: str, queries: int = 45) -> Path:
    torch.manual_seed(0)
    model = MODELS[kind](queries)
    for parameter in model.parameters():
        # As saved by the class, all regions are nearly the same.
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    if kind == "detr":
        size = {"shortest_edge": 64, "longest_edge": 120}
        DetrImageProcessorPil(size=size).save_pretrained(folder)
    else:
        size = {"height": SIDES[1], "width": SIDES[0]}
        RTDetrImageProcessorPil(size=size).save_pretrained(folder)
    return folder
