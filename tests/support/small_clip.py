"""CLIP of its own kind: random weights, and the bytes as its vocabulary."""

from pathlib import Path

import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

SIDE = 32
LONGEST = 20
MEAN, SPREAD = [0.3, 0.4, 0.5], [0.2, 0.25, 0.3]


def save(
    folder: Path,
    *,
    side: int = SIDE,
    patch: int = 8,
    layers: int = 2,
    projection: int = 12,
    words: int = 16,
) -> Path:
    torch.manual_seed(0)
    small = {"intermediate_size": 32, "num_attention_heads": 2}
    config = CLIPConfig(
        projection_dim=projection,
        text_config={
            **small,
            "hidden_size": words,
            "num_hidden_layers": 2,
            "vocab_size": 514,
            "max_position_embeddings": LONGEST,
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
        vision_config={
            **small,
            "hidden_size": 24,
            "num_hidden_layers": layers,
            "image_size": side,
            "patch_size": patch,
        },
    )
    model = CLIPModel(config)
    for parameter in model.parameters():
        # As saved by the class, norms do nothing and biases are zero.
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    letters = sorted(ByteLevel.alphabet())
    ends = ["<|startoftext|>", "<|endoftext|>"]
    pieces = [*ends, *letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    size = {"height": side, "width": side}
    CLIPImageProcessorPil(
        size=size, crop_size=size, image_mean=MEAN, image_std=SPREAD
    ).save_pretrained(folder)
    return folder
