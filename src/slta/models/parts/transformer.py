"""Transformer layers of several models (Vaswani et al., NeurIPS 2017), with positional
encodings as in DETR (Carion et al., ECCV 2020).

Shapes: b queries · q targets · m memory · t clips · w words · h hidden size.
"""

from math import pi

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

FINEST = 32
"""Periods of the highest frequency of ``sinusoids`` over a video."""


def sinusoids(at: Float[Tensor, "*rows"], size: int) -> Float[Tensor, "*rows {size}"]:
    """Sines and cosines with geometrically decreasing frequencies."""
    powers = torch.arange(0, size, 2, device=at.device) / size
    angles = at[..., None] / 10_000**powers
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def positional_encoding(
    share: Float[Tensor, "*rows"], size: int
) -> Float[Tensor, "*rows {size}"]:
    """Positional encoding of a position in the video, as a fraction of its length."""
    return sinusoids(2 * pi * FINEST * share, size)


def in_order(words: Float[Tensor, "b w h"]) -> Float[Tensor, "b w h"]:
    """Positional encodings of words."""
    count, size = words.shape[1:]
    at = sinusoids(torch.arange(count, device=words.device).float(), size)
    return at.expand_as(words)


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
    def __init__(self, size: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(size, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, size),
            nn.Dropout(dropout),
        )
        self.norm = nn.LayerNorm(size)

    def forward(self, rows: Float[Tensor, "b q h"]) -> Float[Tensor, "b q h"]:
        output: Tensor = self.norm(rows + self.layers(rows))
        return output


class EncoderLayer(nn.Module):
    """Attention to a memory, or without one self-attention."""

    def __init__(self, size: int, heads: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.attend = Attend(size, heads, dropout)
        self.feedforward = Feedforward(size, hidden_size, dropout)

    def forward(
        self,
        target: Float[Tensor, "b q h"],
        position: Float[Tensor, "b q h"],
        mask: Bool[Tensor, "b m"],
        memory: Float[Tensor, "b m h"] | None = None,
        memory_position: Float[Tensor, "*_ m h"] | None = None,
    ) -> Float[Tensor, "b q h"]:
        if memory is None or memory_position is None:
            memory, memory_position = target, position
        attended = self.attend(target, position, memory, memory_position, mask)
        output: Tensor = self.feedforward(attended)
        return output


class DecoderLayer(nn.Module):
    """Self-attention of the targets, then attention to a memory."""

    def __init__(self, size: int, heads: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.among = Attend(size, heads, dropout)
        self.attend = Attend(size, heads, dropout)
        self.feedforward = Feedforward(size, hidden_size, dropout)

    def forward(
        self,
        target: Float[Tensor, "b q h"],
        position: Float[Tensor, "*_ q h"],
        cross_position: Float[Tensor, "*_ q h"],
        memory: Float[Tensor, "b m h"],
        memory_position: Float[Tensor, "b m h"],
        mask: Bool[Tensor, "b m"],
    ) -> Float[Tensor, "b q h"]:
        """``position`` is for self-attention, ``cross_position`` for the memory."""
        target = self.among(target, position, target, position)
        target = self.attend(target, cross_position, memory, memory_position, mask)
        output: Tensor = self.feedforward(target)
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


def mlp(input_size: int, size: int, out: int) -> nn.Module:
    """Three layers with ReLU."""
    return nn.Sequential(
        nn.Linear(input_size, size),
        nn.ReLU(),
        nn.Linear(size, size),
        nn.ReLU(),
        nn.Linear(size, out),
    )
