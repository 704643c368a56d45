"""Which frames are looked at for which query, and sums over what is seen there.

Shapes: v videos · t frames of a video · r regions · e size of a region's vector · m pairs
of a query and a video · f frames that are looked at, over all of those · p pairs of a
query and a candidate.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from slta.batches.candidate_batch import Batch

SHARED = 16
"""Windows that share a row, on average, from which on it is quicker to add up all rows
once than to read each where it is needed."""


class Looks(NamedTuple):
    """Which frames are looked at for which query: the frames of all pairs of a query
    and a video, one pair after another."""

    pairs: Int[Tensor, "m 4"]
    """Query, video, first frame, end frame."""
    starts: Int[Tensor, " m"]
    """Where a pair's frames begin."""
    video: Int[Tensor, " f"]
    frame: Int[Tensor, " f"]

    @classmethod
    def of(cls, pairs: Int[Tensor, "m 4"]) -> "Looks":
        counts = pairs[:, 3] - pairs[:, 2]
        starts = counts.cumsum(dim=0) - counts
        shift = (pairs[:, 2] - starts).repeat_interleave(counts)
        frame = torch.arange(len(shift), device=pairs.device) + shift
        return cls(pairs, starts, pairs[:, 1].repeat_interleave(counts), frame)

    def groups(self) -> list["Group"]:
        """The pairs that look at the same frames, together."""
        found: dict[tuple[int, int, int], tuple[list[int], list[int]]] = {}
        rows = torch.cat([self.pairs, self.starts[:, None]], dim=1).tolist()
        for query, video, first, end, start in rows:
            queries, starts = found.setdefault((video, first, end), ([], []))
            queries.append(query)
            starts.append(start)
        device = self.pairs.device
        return [
            Group(*frames, *(torch.tensor(each, device=device) for each in both))
            for frames, both in found.items()
        ]


class Group(NamedTuple):
    video: int
    first: int
    end: int
    queries: Int[Tensor, " q"]
    starts: Int[Tensor, " q"]

    def looks(self) -> Int[Tensor, "q t"]:
        """Where the frames of each query are among all looks."""
        frames = torch.arange(self.end - self.first, device=self.starts.device)
        return self.starts[:, None] + frames


def looks_of(batch: Batch) -> tuple[Looks, Int[Tensor, " p"]]:
    """The frames that the candidates of each query and video span, and which of these
    pairs each pair of a query and a candidate needs."""
    query, candidate = batch.pairs.unbind(dim=1)
    videos = len(batch.regions)
    keys = query * videos + batch.candidate_video[candidate]
    keys, needed = keys.unique(return_inverse=True)
    first = batch.candidate_first[candidate]
    end = first + batch.candidate_count[candidate]
    low = torch.zeros_like(keys).scatter_reduce(
        0, needed, first, reduce="amin", include_self=False
    )
    high = torch.zeros_like(keys).scatter_reduce(0, needed, end, reduce="amax")
    pairs = torch.stack([keys // videos, keys % videos, low, high], dim=1)
    return Looks.of(pairs), needed


def mean_over(
    rows: Float[Tensor, "f x"], start: Int[Tensor, " p"], count: Int[Tensor, " p"]
) -> Float[Tensor, "p x"]:
    """Of ``count`` rows from ``start`` on. Of many windows that share rows, all are added
    up once; of few, each row is added up where it is needed."""
    total = int(count.sum())
    if total <= SHARED * len(rows):
        first = count.cumsum(dim=0) - count
        inside = torch.arange(total, device=rows.device)
        inside = inside + (start - first).repeat_interleave(count, output_size=total)
        return nn.functional.embedding_bag(inside, rows.float(), first, mode="mean")
    sums = nn.functional.pad(rows.double().cumsum(dim=0), (0, 0, 1, 0))
    return ((sums[start + count] - sums[start]) / count[:, None]).float()


def mixed(
    regions: Float[Tensor, "v t r e"],
    weights: Float[Tensor, "f r"],
    looks: Looks,
    product: nn.Linear,
) -> Float[Tensor, "f g"]:
    """Regions mixed by their weights, then multiplied, in whichever order is cheaper.

    With many queries a video, multiplying every region once costs less than
    multiplying every query's mixture.
    """
    (videos, t, r, e), f, g = regions.shape, len(weights), product.out_features
    if videos * t * r * e * g + f * r * g < f * r * e + f * e * g:
        found = mix(regions @ product.weight.T, weights, looks)
        # Weights need not sum to one, and the bias counts once.
        return found if product.bias is None else found + product.bias
    return product(mix(regions, weights, looks))


def mix(
    regions: Float[Tensor, "v t r g"], weights: Float[Tensor, "f r"], looks: Looks
) -> Float[Tensor, "f g"]:
    """One product for all queries that look at the same frames."""
    places, sums = [], []
    for group in looks.groups():
        rows, frames = group.looks(), regions[group.video, group.first : group.end]
        sums.append(torch.einsum("mtr,trg->mtg", weights[rows], frames).flatten(0, 1))
        places.append(rows.flatten())
    return torch.cat(sums)[torch.cat(places).argsort()]
