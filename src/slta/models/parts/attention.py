"""Attention weights over regions and words.

Shapes: v videos · b queries · t frames of a video · f attended frames, over all pairs of a
query and a video · r regions · e size of a region's vector · o objects of a query · k size of a word's
vector · h hidden size.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from slta.batches.candidate_batch import Batch

BOX = 5
"""Size that a box adds to a region's vector: x0, y0, x1, y1 and its area."""
SUMMED = 10
"""Divisor of the sum of nouns."""
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


BLOCK = 1 << 18
"""Numbers computed at a time, to stay in a core's cache."""


class MaskedSoftmax(nn.Module):
    """Softmax over the last axis; masked entries get 0, and all do if all are masked."""

    def forward(
        self, scores: Float[Tensor, "*rows x"], mask: Bool[Tensor, "*rows x"]
    ) -> Float[Tensor, "*rows x"]:
        low = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(~mask, low).softmax(dim=-1)
        return weights * mask


def in_full_precision(computes: Callable[..., Any]) -> Callable[..., Any]:
    """For what is written in place and computed by hand: autocast gives a product of
    numbers of 32 bits 16. The first argument after the context is a tensor."""

    @wraps(computes)
    def whole(ctx: Any, first: torch.Tensor, *others: Any) -> Any:
        with torch.autocast(first.device.type, enabled=False):
            return computes(ctx, first, *others)

    return whole


class GatedScores(torch.autograd.Function):
    """``w · (tanh(a + b) ⊙ σ(c + d))`` for every region of every attended frame.

    ``a`` and ``c`` [v t r h] are of regions, ``b`` and ``d`` [b h] of queries. Returns
    [f r]. The hidden values [f r h] would not fit in memory, so they are computed in blocks
    and recomputed in the backward pass.
    """

    @staticmethod
    @in_full_precision
    def forward(
        ctx: Any,
        a: Float[Tensor, "v t r h"],
        c: Float[Tensor, "v t r h"],
        b: Float[Tensor, "b h"],
        d: Float[Tensor, "b h"],
        w: Float[Tensor, " h"],
        looks: Looks,
    ) -> Float[Tensor, "f r"]:
        r = a.shape[2]
        a, c, b, d, w = (each.detach().float() for each in (a, c, b, d, w))
        scores = a.new_empty(len(looks.frame) * r)
        groups = looks.groups()
        for block in _blocks(groups, *a.shape[2:]):
            turned, gate = _hidden(a, c, b, d, block)
            scores[block.out] = turned.mul_(gate) @ w
        ctx.save_for_backward(a, c, b, d, w)
        ctx.groups = groups
        return scores.view(-1, r)

    @staticmethod
    @in_full_precision
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        a, c, b, d, w = ctx.saved_tensors
        grad = grads[0].float().flatten()
        to_a, to_c, to_b, to_d = (torch.zeros_like(each) for each in (a, c, b, d))
        to_w = torch.zeros_like(w)
        flat_a, flat_c = to_a.flatten(1, 2), to_c.flatten(1, 2)
        for block in _blocks(ctx.groups, *a.shape[2:]):
            turned, gate = _hidden(a, c, b, d, block)
            hidden = turned * gate
            back = grad[block.out]
            to_w += back.flatten() @ hidden.flatten(0, 1)
            # d tanh = 1 - tanh², d σ = σ (1 - σ)
            shared = back[..., None] * w
            by_gate = torch.addcmul(hidden, hidden, gate, value=-1).mul_(shared)
            by_tanh = torch.addcmul(gate, hidden, turned, value=-1).mul_(shared)
            flat_a[block.video, block.here] += by_tanh.sum(dim=0)
            flat_c[block.video, block.here] += by_gate.sum(dim=0)
            to_b.index_add_(0, block.queries, by_tanh.sum(dim=1))
            to_d.index_add_(0, block.queries, by_gate.sum(dim=1))
        return to_a, to_c, to_b, to_d, to_w, None


class _Block(NamedTuple):
    video: int
    here: slice
    """Regions, counted over the frames."""
    queries: Tensor
    out: Tensor
    """Indices of the scores of each query's regions."""


def _blocks(groups: list[Group], r: int, h: int) -> Iterator[_Block]:
    longest = max(1, BLOCK // h)
    for video, first, end, queries, starts in groups:
        for at in range(first * r, end * r, longest):
            here = slice(at, min(at + longest, end * r))
            inside = torch.arange(here.start, here.stop, device=starts.device)
            many = max(1, longest // len(inside))
            for some in range(0, len(queries), many):
                out = (starts[some : some + many, None] - first) * r + inside
                yield _Block(video, here, queries[some : some + many], out)


def _hidden(
    a: Tensor, c: Tensor, b: Tensor, d: Tensor, block: _Block
) -> tuple[Tensor, Tensor]:
    """Content and gate; tanh as 2 σ(2x) - 1, which is several times faster on a CPU."""
    content = a[block.video].flatten(0, 1)[block.here]
    gate = c[block.video].flatten(0, 1)[block.here]
    turned = (content + b[block.queries, None]).mul_(2).sigmoid_()
    return turned.mul_(2).sub_(1), (gate + d[block.queries, None]).sigmoid_()


class SpatialAttention(nn.Module):
    """SLTA's eq. 1: scores of a frame's regions, given the query's nouns."""

    def __init__(self, region_size: int, word_size: int, size: int) -> None:
        super().__init__()
        self.region_content = nn.Linear(region_size, size)
        self.region_gate = nn.Linear(region_size, size)
        self.noun_content = nn.Linear(word_size, size, bias=False)
        self.noun_gate = nn.Linear(word_size, size, bias=False)
        self.score = nn.Linear(size, 1, bias=False)
        # With a smaller scale, weights are nearly uniform at first and hardly get a
        # gradient.
        nn.init.normal_(self.score.weight)

    def forward(
        self,
        regions: Float[Tensor, "v t r e"],
        nouns: Float[Tensor, "o b k"],
        looks: Looks,
    ) -> Float[Tensor, "o f r"]:
        content, gate = self.region_content(regions), self.region_gate(regions)
        return torch.stack(
            [
                GatedScores.apply(  # type: ignore[no-untyped-call]
                    content,
                    gate,
                    self.noun_content(object_nouns),
                    self.noun_gate(object_nouns),
                    self.score.weight[0],
                    looks,
                )
                for object_nouns in nouns
            ]
        )


def boxes_of(boxes: Float[Tensor, "*rows 4"]) -> Float[Tensor, "*rows 5"]:
    """The box features of regions: the box and its area."""
    x0, y0, x1, y1 = boxes.unbind(dim=-1)
    return torch.cat([boxes, ((x1 - x0) * (y1 - y0))[..., None]], dim=-1)
