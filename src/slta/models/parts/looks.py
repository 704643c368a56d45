"""Attended frames of each pair of a query and a video, and sums over them.

Shapes: v videos · t frames of a video · r regions · e size of a region's vector · m pairs
of a query and a video · f attended frames, over all of those · p pairs of a query and a
candidate.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from slta.batches.candidate_batch import Batch

SHARED = 16
"""Average number of windows a row from which cumulative sums are faster than direct ones."""


class Looks(NamedTuple):
    """The attended frames of all pairs of a query and a video, concatenated."""

    pairs: Int[Tensor, "m 4"]
    """Query, video, first frame, end frame."""
    starts: Int[Tensor, " m"]
    """Index of each pair's first frame."""
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
        """Pairs with the same frames."""
        groups: dict[tuple[int, int, int], tuple[list[int], list[int]]] = {}
        rows = torch.cat([self.pairs, self.starts[:, None]], dim=1).tolist()
        for query, video, first, end, start in rows:
            queries, starts = groups.setdefault((video, first, end), ([], []))
            queries.append(query)
            starts.append(start)
        device = self.pairs.device
        return [
            Group(*frames, *(torch.tensor(values, device=device) for values in both))
            for frames, both in groups.items()
        ]


class Group(NamedTuple):
    video: int
    first: int
    end: int
    queries: Int[Tensor, " q"]
    starts: Int[Tensor, " q"]

    def looks(self) -> Int[Tensor, "q t"]:
        """Indices of each query's frames."""
        frames = torch.arange(self.end - self.first, device=self.starts.device)
        return self.starts[:, None] + frames


def looks_of(batch: Batch) -> tuple[Looks, Int[Tensor, " p"]]:
    """The frames spanned by the candidates of each query and video, and the index of this
    pair for each pair of a query and a candidate."""
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
    """Means of ``count`` rows from ``start`` on, by whichever method is faster."""
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
    """Weighted sums of regions, multiplied by a matrix, in whichever order is cheaper: with
    many queries a video, multiplying the regions first."""
    (videos, t, r, e), f, g = regions.shape, len(weights), product.out_features
    if videos * t * r * e * g + f * r * g < f * r * e + f * e * g:
        sums = mix(regions @ product.weight.T, weights, looks)
        # The bias is added after the sum, since weights need not sum to one.
        return sums if product.bias is None else sums + product.bias
    return product(mix(regions, weights, looks))


def mix(
    regions: Float[Tensor, "v t r g"], weights: Float[Tensor, "f r"], looks: Looks
) -> Float[Tensor, "f g"]:
    """Weighted sums of regions; one product for all queries with the same frames."""
    places, sums = [], []
    for group in looks.groups():
        rows, frames = group.looks(), regions[group.video, group.first : group.end]
        sums.append(torch.einsum("mtr,trg->mtg", weights[rows], frames).flatten(0, 1))
        places.append(rows.flatten())
    return torch.cat(sums)[torch.cat(places).argsort()]
