"""SigLIP and SigLIP 2, run by transformers, from a folder or the Hugging Face hub.

Zhai et al., Sigmoid Loss for Language Image Pre-Training (ICCV 2023); Tschannen et al.,
SigLIP 2 (arXiv 2502.14786), in its sizes with square pictures. A picture's vector is
the attention-pooled mean of its patches; a region's is the same of the patches in it.
"""

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slta.features.extractors.clip import Family, Pieces
from slta.features.extractors.saved import Saved

if TYPE_CHECKING:
    from torch import Tensor


def _tokenizer(saved: Saved, config: Any) -> Any:
    from transformers import PreTrainedTokenizerFast

    # The class that the folder names would need sentencepiece.
    tokenizer = PreTrainedTokenizerFast.from_pretrained(
        saved.folder, local_files_only=True
    )
    if len(tokenizer) > config.vocab_size:
        raise ValueError("the tokenizer is not that of the weights")
    if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
        raise ValueError("its tokenizer has no end or no padding")
    return tokenizer


def _pieces(tokenizer: Any, texts: Sequence[str], config: Any) -> Pieces:
    """As in training: in lower case, for the first SigLIP without punctuation, and padded
    to the full length, which the network sees."""
    import torch

    length, end = config.max_position_embeddings, tokenizer.eos_token_id
    drops = string.punctuation if _is_unigram(tokenizer) else ""
    rows, offsets = [], list[tuple[int, int]]()
    for text in texts:
        kept = [i for i, letter in enumerate(text) if letter not in drops]
        plain = "".join(_lower(text[i]) for i in kept)
        read = tokenizer(plain, add_special_tokens=False, return_offsets_mapping=True)
        ids = read.input_ids[: length - 1]
        rows.append([*ids, end, *[tokenizer.pad_token_id] * (length - 1 - len(ids))])
        offsets = offsets or [
            (kept[a], kept[b - 1] + 1) if a < b else (0, 0)
            for a, b in read.offset_mapping[: length - 1]
        ]
    return Pieces({"input_ids": torch.tensor(rows)}, offsets)


def _is_unigram(tokenizer: Any) -> bool:
    """Of the first SigLIP; SigLIP 2 has Gemma's pairs of bytes."""
    return type(tokenizer.backend_tokenizer.model).__name__ == "Unigram"


def _lower(letter: str) -> str:
    """In lower case, as one letter, so that places stay."""
    lower = letter.lower()
    return lower if len(lower) == 1 else letter


def _read(network: Any, inputs: "dict[str, Tensor]") -> "tuple[Tensor, Tensor]":
    read, head = network.text_model(**inputs), network.text_model.head
    return head(read.last_hidden_state[0]), read.pooler_output


def _look(network: Any, pixels: "Tensor", shares: "Tensor") -> "tuple[Tensor, Tensor]":
    import torch

    seen = network.vision_model(pixel_values=pixels)
    side = shares.shape[1]
    grid = seen.last_hidden_state.unflatten(1, (side, side))
    inside = [row > 0 for row in shares]
    regions = [
        network.vision_model.head(grid[:, rows][:, :, columns].flatten(1, 2))
        for rows in inside
        for columns in inside
    ]
    looks = torch.stack([seen.pooler_output, *regions], dim=1)
    return looks, looks


SIGLIP = Family(
    word="siglip",
    noun="SigLIP",
    config="SiglipConfig",
    network="SiglipModel",
    processor="SiglipImageProcessorPil",
    published="google/siglip-base-patch16-224",
    tokenizers=[["tokenizer.json"]],
    attainable=0.14,
    tokenizer=_tokenizer,
    pieces=_pieces,
    read=_read,
    look=_look,
)
