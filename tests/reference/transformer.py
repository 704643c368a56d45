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


def wave(at: float, size: int) -> Tensor:
    """Sines, then cosines, of a position."""
    angles = [at / 10_000 ** (2 * i / size) for i in range(size // 2)]
    return torch.tensor([*map(sin, angles), *map(cos, angles)])


def place(share: float, size: int) -> Tensor:
    return wave(2 * pi * 32 * share, size)


def attend(
    weights: Weights,
    heads: int,
    asking: list[Tensor],
    at: list[Tensor],
    memory: list[Tensor],
    memory_at: list[Tensor],
) -> list[Tensor]:
    to_query, to_key, to_value = weights["attention.in_proj_weight"].chunk(3)
    query_bias, key_bias, value_bias = weights["attention.in_proj_bias"].chunk(3)
    rows = []
    for row, here in zip(asking, at, strict=True):
        query = to_query @ (row + here) + query_bias
        found = []
        for head in range(heads):
            size = len(row) // heads
            mine = slice(head * size, (head + 1) * size)
            scores = torch.stack(
                [
                    query[mine] @ (to_key @ (m + there) + key_bias)[mine] / sqrt(size)
                    for m, there in zip(memory, memory_at, strict=True)
                ]
            )
            shares = torch.exp(scores) / torch.exp(scores).sum()
            found.append(
                sum(
                    (
                        share * (to_value @ m + value_bias)[mine]
                        for share, m in zip(shares, memory, strict=True)
                    ),
                    torch.zeros(size),
                )
            )
        out = linear(part(weights, "attention.out_proj"), torch.cat(found))
        rows.append(norm(part(weights, "norm"), row + out))
    return rows


def feedforward(weights: Weights, rows: list[Tensor]) -> list[Tensor]:
    found = []
    for row in rows:
        hidden = linear(part(weights, "layers.0"), row).clamp(min=0)
        out = linear(part(weights, "layers.3"), hidden)
        found.append(norm(part(weights, "norm"), row + out))
    return found


def projection(weights: Weights, row: Tensor) -> Tensor:
    row = norm(part(weights, "0"), row)
    row = linear(part(weights, "2"), row).clamp(min=0)
    return linear(part(weights, "6"), norm(part(weights, "4"), row))


def placed(weights: Weights, clips: list[Tensor], number: int) -> Tensor:
    """A clip with its start and end, as shares of its video."""
    ends = torch.tensor([number / len(clips), (number + 1) / len(clips)])
    found = projection(part(weights, "from_clips"), clips[number])
    return found + linear(part(weights, "from_ends"), ends)


def mlp(weights: Weights, row: Tensor) -> Tensor:
    row = linear(part(weights, "0"), row).clamp(min=0)
    row = linear(part(weights, "2"), row).clamp(min=0)
    return linear(part(weights, "4"), row)
