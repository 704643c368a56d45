"""Transformer layers of several models (Vaswani et al., NeurIPS 2017), with positional
encodings as in DETR (Carion et al., ECCV 2020).

Shapes: b queries · q targets · m memory · t clips · w words · h hidden size.
"""

from itertools import pairwise
from math import pi

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def positional_encoding(
    share: Float[Tensor, "*rows"], size: int
) -> Float[Tensor, "*rows {size}"]:
    """Positional encoding of a position in the video, as a fraction of its length: sines and
    cosines in turn, with geometrically decreasing frequencies."""
    powers = torch.arange(0, size, 2, device=share.device) / size
    angles = 2 * pi * share[..., None] / 10_000**powers
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def ends(clip_mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t 2"]:
    """Start and end of each clip as fractions of its video; above 1 for padding."""
    half = 0.5 / clip_mask.sum(dim=1)[:, None]
    centre = centres(clip_mask)
    return torch.stack([centre - half, centre + half], dim=2)


def centres(clip_mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t"]:
    """Centre of each clip as a fraction of its video; above 1 for padding."""
    count = clip_mask.sum(dim=1, keepdim=True)
    clips = torch.arange(clip_mask.shape[1], device=clip_mask.device)
    return (clips + 0.5) / count


def in_order(words: Float[Tensor, "b w h"]) -> Float[Tensor, "b w h"]:
    """Positional encodings of words: sines, then cosines, of their numbers."""
    count, size = words.shape[1:]
    powers = torch.arange(0, size, 2, device=words.device) / size
    angles = torch.arange(count, device=words.device)[:, None] / 10_000**powers
    return torch.cat([angles.sin(), angles.cos()], dim=-1).expand_as(words)


class Attend(nn.Module):
    """Attention with a residual connection. Positions are added to queries and keys, not to
    values."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(size, heads, dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(size)

    def forward(
        self,
        target: Float[Tensor, "b q h"],
        position: Float[Tensor, "*_ q h"],
        memory: Float[Tensor, "b m h"],
        memory_position: Float[Tensor, "*_ m h"],
        mask: Bool[Tensor, "b m"] | None = None,
    ) -> Float[Tensor, "b q h"]:
        attended, _ = self.attention(
            target + position,
            memory + memory_position,
            memory,
            key_padding_mask=None if mask is None else ~mask,
            need_weights=False,
        )
        output: Tensor = self.norm(target + self.dropout(attended))
        return output


class Feedforward(nn.Module):
    """Two layers with a residual connection; ``activation`` is ReLU by default."""

    def __init__(
        self,
        size: int,
        hidden_size: int,
        dropout: float,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(size, hidden_size),
            activation or nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, size),
            nn.Dropout(dropout),
        )
        self.norm = nn.LayerNorm(size)

    def forward(
        self,
        rows: Float[Tensor, "b q h"],
        residual: Float[Tensor, "b q h"] | None = None,
    ) -> Float[Tensor, "b q h"]:
        """The result is added to ``residual``, which is ``rows`` by default."""
        output: Tensor = self.norm(
            (rows if residual is None else residual) + self.layers(rows)
        )
        return output


class EncoderLayer(nn.Module):
    """Self-attention, then a feed-forward layer."""

    def __init__(
        self,
        size: int,
        heads: int,
        hidden_size: int,
        dropout: float,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.attend = Attend(size, heads, dropout)
        self.feedforward = Feedforward(size, hidden_size, dropout, activation)

    def forward(
        self,
        rows: Float[Tensor, "b q h"],
        position: Float[Tensor, "b q h"],
        mask: Bool[Tensor, "b q"],
    ) -> Float[Tensor, "b q h"]:
        attended = self.attend(rows, position, rows, position, mask)
        output: Tensor = self.feedforward(attended)
        return output


def projection(input_size: int, size: int, dropout: float) -> nn.Module:
    """Two layers from features to the hidden size."""
    return nn.Sequential(
        nn.LayerNorm(input_size),
        nn.Dropout(dropout),
        nn.Linear(input_size, size),
        nn.ReLU(),
        nn.LayerNorm(size),
        nn.Dropout(dropout),
        nn.Linear(size, size),
    )


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers with ReLU between them, from the first size to the last."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def xavier(*parts: nn.Module) -> None:
    """Initialises all matrices as DETR does (Glorot and Bengio, AISTATS 2010)."""
    for part in parts:
        for parameter in part.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
