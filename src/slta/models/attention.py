"""Parts that more than one model is made of.

Shapes: v videos · b queries · m pairs of a query and a video · t frames of a video ·
f frames that are looked at, over all pairs · r regions · e size of a region's vector ·
h hidden size.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

BLOCK = 1 << 18
"""Numbers that are computed at a time, so that they stay in a core's cache."""


class MaskedSoftmax(nn.Module):
    """Scores to weights that sum to one over the last axis; what is masked gets 0.

    Where nothing is real all weights are 0.
    """

    def forward(
        self, scores: Float[Tensor, "*rows x"], mask: Bool[Tensor, "*rows x"]
    ) -> Float[Tensor, "*rows x"]:
        low = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(~mask, low).softmax(dim=-1)
        return weights * mask


class Standardise(nn.Module):
    """Features less their mean over the training split, in standard deviations.

    The released features are used as they are; ours differ in scale by extractor, and
    an L2 norm of something that hardly varies says little. It begins as the identity.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))

    def fit(self, mean: Float[Tensor, " e"], spread: Float[Tensor, " e"]) -> None:
        """A number that never varies is left at 0."""
        self.mean.copy_(mean)
        self.spread.copy_(spread.where(spread > 1e-6, torch.inf))

    def forward(self, features: Float[Tensor, "*rows e"]) -> Float[Tensor, "*rows e"]:
        return (features.float() - self.mean).div_(self.spread)


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


class GatedScores(torch.autograd.Function):
    """``w · (tanh(a + b) ⊙ σ(c + d))`` for every region that is looked at.

    The hidden values are as many as looks, regions and hidden units together, so they
    are computed block by block and again in the backward pass, never kept.

    ``a`` and ``c`` [v t r h] belong to the regions, ``b`` and ``d`` [b h] to the
    queries. Returns [f r].
    """

    @staticmethod
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
    """Regions, counted through the frames."""
    queries: Tensor
    out: Tensor
    """Where the scores of each query's regions go."""


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
    """tanh as 2 σ(2x) - 1, which is several times as fast on a processor."""
    content = a[block.video].flatten(0, 1)[block.here]
    gate = c[block.video].flatten(0, 1)[block.here]
    turned = (content + b[block.queries, None]).mul_(2).sigmoid_()
    return turned.mul_(2).sub_(1), (gate + d[block.queries, None]).sigmoid_()
