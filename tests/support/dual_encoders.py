"""Small CLIP, SigLIP and SigLIP 2 networks with random weights, saved by transformers."""

import string
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
)

SIDE = 32
LONGEST = 20
MEAN, SPREAD = [0.3, 0.4, 0.5], [0.2, 0.25, 0.3]


def save_clip(
    folder: Path,
    *,
    side: int = SIDE,
    patch: int = 8,
    layers: int = 2,
    projection: int = 12,
    words: int = 16,
) -> Path:
    """A CLIP of its own kind: random weights, and the bytes as its vocabulary."""
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


def save_siglip(
    folder: Path, *, side: int = SIDE, patch: int = 8, second: bool = False
) -> Path:
    """A SigLIP; the ``second`` has letters and pairs of them as its vocabulary, as Gemma
    has, and knows punctuation."""
    torch.manual_seed(0)
    small: dict[str, Any] = {
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "hidden_size": 16,
    }
    vision = {**small, "image_size": side, "patch_size": patch}
    text = {**small, "vocab_size": 120, "max_position_embeddings": LONGEST}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    letters = ["\u2581", *string.ascii_lowercase, *string.punctuation]
    if second:
        names = ["<pad>", "<eos>", "<bos>", "<unk>", *letters]
        pieces: Any = models.BPE({name: i for i, name in enumerate(names)}, [])
        pieces.unk_token = "<unk>"
        ends = {"eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    else:
        names = ["<unk>", "</s>", *letters]
        pieces = models.Unigram([(name, -1.0) for name in names], 0, False)
        ends = {"eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>"}
    tokenizer = Tokenizer(pieces)
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    made_by: Any = PreTrainedTokenizerFast
    made_by(tokenizer_object=tokenizer, **ends).save_pretrained(folder)
    size = {"height": side, "width": side}
    SiglipImageProcessorPil(
        size=size, image_mean=MEAN, image_std=SPREAD
    ).save_pretrained(folder)
    return folder
