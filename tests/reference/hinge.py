"""The ranking loss, one query and one other candidate at a time."""

from collections.abc import Callable

from torch import Tensor


def loss(
    relevance: dict[tuple[int, int], float],
    match: dict[int, int],
    counts: Callable[[int, int], bool],
    *,
    margin: float,
) -> float:
    """Of pairs of a query and a candidate; ``match`` has the candidate of each query,
    ``counts`` says which others it is compared with."""
    total = 0.0
    for query, own in match.items():
        short = [
            max(0.0, margin + found - relevance[query, own])
            for (asked, candidate), found in relevance.items()
            if asked == query and candidate != own and counts(query, candidate)
        ]
        total += sum(short) / len(short) if short else 0.0
    return total / len(match)


def table(relevance: Tensor, pairs: Tensor) -> dict[tuple[int, int], float]:
    return {
        (query, candidate): value
        for (query, candidate), value in zip(
            pairs.tolist(), relevance.tolist(), strict=True
        )
    }
