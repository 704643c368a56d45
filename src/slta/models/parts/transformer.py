"""Parts of the transformers of more than one model (Vaswani et al., NeurIPS 2017), with
positions as in DETR (Carion et al., ECCV 2020).

Shapes: b queries · q what asks · m what is attended to · t clips ·
w words · h hidden size.
"""

from math import pi

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

FINEST = 32
"""How often the finest wave of ``sinusoids`` goes up and down over a video."""


def sinusoids(at: Float[Tensor, "*rows"], size: int) -> Float[Tensor, "*rows {size}"]:
    """Sines and cosines of ever longer waves."""
    powers = torch.arange(0, size, 2, device=at.device) / size
    angles = at[..., None] / 10_000**powers
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def place_of(share: Float[Tensor, "*rows"], size: int) -> Float[Tensor, "*rows {size}"]:
    """The position of what lies at this share of its video, whatever its length."""
    return sinusoids(2 * pi * FINEST * share, size)


def in_order(words: Float[Tensor, "b w h"]) -> Float[Tensor, "b w h"]:
    """The position of each word in its sentence."""
    count, size = words.shape[1:]
    at = sinusoids(torch.arange(count, device=words.device).float(), size)
    return at.expand_as(words)


def ends(clip_mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t 2"]:
    """Where in its video each clip starts and ends, in [0, 1]; padding is after 1."""
    half = 0.5 / clip_mask.sum(dim=1)[:, None]
    middle = middles(clip_mask)
    return torch.stack([middle - half, middle + half], dim=2)


def middles(clip_mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t"]:
    """Where in its video the middle of each clip is, in [0, 1]; padding is after 1."""
    count = clip_mask.sum(dim=1, keepdim=True)
    clips = torch.arange(clip_mask.shape[1], device=clip_mask.device)
    return (clips + 0.5) / count


class Attend(nn.Module):
    """Attention, with what asks added to what it finds. Positions count in what is
    compared, not in what is read."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(size, heads, dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(size)

    def forward(
        self,
        asking: Float[Tensor, "b q h"],
        at: Float[Tensor, "*_ q h"],
        memory: Float[Tensor, "b m h"],
        memory_at: Float[Tensor, "*_ m h"],
        mask: Bool[Tensor, "b m"] | None = None,
    ) -> Float[Tensor, "b q h"]:
        found, _ = self.attention(
            asking + at,
            memory + memory_at,
            memory,
            key_padding_mask=None if mask is None else ~mask,
            need_weights=False,
        )
        rows: Tensor = self.norm(asking + self.dropout(found))
        return rows


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
        found: Tensor = self.norm(rows + self.layers(rows))
        return found


class EncoderLayer(nn.Module):
    """Attends to a memory: to what asks itself, if none is given."""

    def __init__(self, size: int, heads: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.attend = Attend(size, heads, dropout)
        self.feedforward = Feedforward(size, hidden_size, dropout)

    def forward(
        self,
        asking: Float[Tensor, "b q h"],
        at: Float[Tensor, "b q h"],
        mask: Bool[Tensor, "b m"],
        memory: Float[Tensor, "b m h"] | None = None,
        memory_at: Float[Tensor, "*_ m h"] | None = None,
    ) -> Float[Tensor, "b q h"]:
        if memory is None or memory_at is None:
            memory, memory_at = asking, at
        found = self.attend(asking, at, memory, memory_at, mask)
        rows: Tensor = self.feedforward(found)
        return rows


class DecoderLayer(nn.Module):
    """Slots attend to one another, then to a memory."""

    def __init__(self, size: int, heads: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.among = Attend(size, heads, dropout)
        self.attend = Attend(size, heads, dropout)
        self.feedforward = Feedforward(size, hidden_size, dropout)

    def forward(
        self,
        slots: Float[Tensor, "b q h"],
        at: Float[Tensor, "*_ q h"],
        looking_at: Float[Tensor, "*_ q h"],
        memory: Float[Tensor, "b m h"],
        memory_at: Float[Tensor, "b m h"],
        mask: Bool[Tensor, "b m"],
    ) -> Float[Tensor, "b q h"]:
        """``at`` is a slot's position among the slots, ``looking_at`` in the memory."""
        slots = self.among(slots, at, slots, at)
        slots = self.attend(slots, looking_at, memory, memory_at, mask)
        rows: Tensor = self.feedforward(slots)
        return rows


def projection(given: int, size: int, dropout: float) -> nn.Module:
    """From a feature's size to the transformer's."""
    return nn.Sequential(
        nn.LayerNorm(given),
        nn.Dropout(dropout),
        nn.Linear(given, size),
        nn.ReLU(),
        nn.LayerNorm(size),
        nn.Dropout(dropout),
        nn.Linear(size, size),
    )


def perceptron(given: int, size: int, out: int) -> nn.Module:
    """Three layers."""
    return nn.Sequential(
        nn.Linear(given, size),
        nn.ReLU(),
        nn.Linear(size, size),
        nn.ReLU(),
        nn.Linear(size, out),
    )
