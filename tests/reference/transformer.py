"""A transformer's parts for one query, one row and one head at a time, by its weights."""

from math import cos, pi, sin, sqrt

import torch
from torch import Tensor

Weights = dict[str, Tensor]


def part(weights: Weights, name: str) -> Weights:
    """Those of a part, by their names in it."""
    return {
        key.removeprefix(f"{name}."): value
        for key, value in weights.items()
        if key.startswith(f"{name}.")
    }


def linear(weights: Weights, row: Tensor) -> Tensor:
    return weights["weight"] @ row + weights["bias"]


def norm(weights: Weights, row: Tensor) -> Tensor:
    away = row - row.mean()
    scaled = away / (away.square().mean() + 1e-5).sqrt()
    return scaled * weights["weight"] + weights["bias"]


def standardised(weights: Weights, rows: Tensor) -> list[Tensor]:
    return [(row - weights["mean"]) / weights["spread"] for row in rows]


def place(share: float, size: int) -> Tensor:
    """A sine and a cosine for each frequency, of a position."""
    angles = [2 * pi * share / 10_000 ** (2 * i / size) for i in range(size // 2)]
    return torch.tensor([wave(angle) for angle in angles for wave in (sin, cos)])


def softmax(scores: list[Tensor]) -> list[Tensor]:
    raised = [torch.exp(score) for score in scores]
    return [each / sum(raised) for each in raised]


def weighted(shares: list[Tensor], rows: list[Tensor]) -> Tensor:
    found = torch.zeros_like(rows[0])
    for share, row in zip(shares, rows, strict=True):
        found = found + share * row
    return found


def attended(
    weights: Weights,
    heads: int,
    asking: list[Tensor],
    at: list[Tensor],
    memory: list[Tensor],
    memory_at: list[Tensor],
) -> list[Tensor]:
    """Without the normalisation."""
    to_query, to_key, to_value = weights["attention.in_proj_weight"].chunk(3)
    query_bias, key_bias, value_bias = weights["attention.in_proj_bias"].chunk(3)
    rows = []
    for row, here in zip(asking, at, strict=True):
        query = to_query @ (row + here) + query_bias
        found = []
        for head in range(heads):
            size = len(row) // heads
            mine = slice(head * size, (head + 1) * size)
            scores = [
                query[mine] @ (to_key @ (m + there) + key_bias)[mine] / sqrt(size)
                for m, there in zip(memory, memory_at, strict=True)
            ]
            values = [(to_value @ m + value_bias)[mine] for m in memory]
            found.append(weighted(softmax(scores), values))
        rows.append(row + linear(part(weights, "attention.out_proj"), torch.cat(found)))
    return rows


def attend(
    weights: Weights,
    heads: int,
    asking: list[Tensor],
    at: list[Tensor],
    memory: list[Tensor],
    memory_at: list[Tensor],
) -> list[Tensor]:
    rows = attended(weights, heads, asking, at, memory, memory_at)
    return [norm(part(weights, "norm"), row) for row in rows]


def feedforward(
    weights: Weights, rows: list[Tensor], added: list[Tensor] | None = None
) -> list[Tensor]:
    """With ReLU, or PReLU where it has a slope; added to the rows or to others."""
    found = []
    slope = weights.get("layers.1.weight", torch.zeros(1))
    for row, other in zip(rows, added or rows, strict=True):
        hidden = linear(part(weights, "layers.0"), row)
        hidden = hidden.clamp(min=0) + slope * hidden.clamp(max=0)
        out = linear(part(weights, "layers.3"), hidden)
        found.append(norm(part(weights, "norm"), other + out))
    return found


def projection(weights: Weights, row: Tensor) -> Tensor:
    row = norm(part(weights, "0"), row)
    row = linear(part(weights, "2"), row).clamp(min=0)
    return linear(part(weights, "6"), norm(part(weights, "4"), row))


def placed(weights: Weights, clips: list[Tensor], number: int) -> Tensor:
    """A clip with its start and end, as shares of its video."""
    ends = torch.tensor([number / len(clips), (number + 1) / len(clips)])
    return projection(part(weights, "from_clips"), torch.cat([clips[number], ends]))


def mlp(weights: Weights, row: Tensor) -> Tensor:
    """Layers with ReLU between them; those have no weights."""
    last = max(int(name.partition(".")[0]) for name in weights)
    for number in range(0, last, 2):
        row = linear(part(weights, str(number)), row).clamp(min=0)
    return linear(part(weights, str(last)), row)


def told(weights: Weights, row: Tensor) -> Tensor:
    """How much likelier, as a logarithm, foreground is than background."""
    foreground, background = linear(weights, row)
    return foreground - background
