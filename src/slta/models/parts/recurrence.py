"""A GRU over the frames of many windows at once.

Shapes: f frames · h size of the state · g = 3 h · n sequences · s distinct starts ·
x steps of all sequences, one step's after another's, the longest sequence first.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

BLOCK = 1 << 18
"""Numbers of the states that are computed at a time where nothing is learnt."""


def in_full_precision(computes: Callable[..., Any]) -> Callable[..., Any]:
    """For what is written in place and computed by hand: autocast gives a product of
    numbers of 32 bits 16. The first argument after the context is a tensor."""

    @wraps(computes)
    def whole(ctx: Any, first: torch.Tensor, *others: Any) -> Any:
        with torch.autocast(first.device.type, enabled=False):
            return computes(ctx, first, *others)

    return whole


class Recurrence(nn.Module):
    """A GRU (Cho et al. 2014) that is given ``W_ih x + b_ih`` rather than x.

    So the product is computed once a frame, however many windows hold the frame, and
    windows that start together share their steps.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.from_state = nn.Linear(size, 3 * size)

    def forward(
        self,
        inputs: Float[Tensor, "f g"],
        start: Int[Tensor, " n"],
        count: Int[Tensor, " n"],
    ) -> Float[Tensor, "n h"]:
        """The state after ``count`` rows of ``inputs``, from row ``start`` on."""
        starts, of_start = start.unique(return_inverse=True)
        longest = count.new_zeros(len(starts)).scatter_reduce(
            0, of_start, count, reduce="amax"
        )
        order = longest.argsort(descending=True, stable=True)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        of_start, starts, longest = place[of_start], starts[order], longest[order]

        # What learns keeps every state anyway; what searches holds one block's.
        block = len(starts) if torch.is_grad_enabled() else BLOCK // self.size
        wanted, found = [], []
        for first in range(0, len(starts), block):
            here = slice(first, first + block)
            mine = ((of_start >= first) & (of_start < first + block)).nonzero()[:, 0]
            order_of = _Order.of(starts[here], longest[here])
            states: Tensor = _Run.apply(  # type: ignore[no-untyped-call]
                inputs, self.from_state.weight, self.from_state.bias, order_of
            )
            ends = order_of.begin[count[mine] - 1] + of_start[mine] - first
            found.append(states[ends])
            wanted.append(mine)
        order = torch.cat(wanted).argsort()
        return torch.cat(found)[order]


class _Order(NamedTuple):
    rows: Int[Tensor, " x"]
    """Which input each step of each sequence reads."""
    going: list[int]
    """How many sequences are long enough for each step."""
    begin: Int[Tensor, " l"]
    """Where each step's rows begin."""

    @classmethod
    def of(cls, starts: Int[Tensor, " s"], lengths: Int[Tensor, " s"]) -> "_Order":
        """``lengths`` fall."""
        steps = torch.arange(int(lengths[0]), device=lengths.device)
        going = (lengths[:, None] > steps).sum(dim=0)
        rows = (steps[:, None] + starts).flatten()
        which = (lengths > steps[:, None]).flatten()
        return cls(rows[which], going.tolist(), going.cumsum(dim=0) - going)


class _Run(torch.autograd.Function):
    """The states of all steps. The product of a step's gradient and its state is taken
    once for all steps, and nothing is kept but what the backward pass reads."""

    @staticmethod
    @in_full_precision
    def forward(
        ctx: Any,
        inputs: Float[Tensor, "f g"],
        weight: Float[Tensor, "g h"],
        bias: Float[Tensor, " g"],
        order: _Order,
    ) -> Float[Tensor, "x h"]:
        inputs, weight, bias = (
            each.detach().float() for each in (inputs, weight, bias)
        )
        size, total = weight.shape[1], len(order.rows)
        learns = any(ctx.needs_input_grad)
        states = inputs.new_empty(total, size)
        kept = inputs.new_empty(total, 4 * size) if learns else None
        state = inputs.new_zeros(order.going[0], size)
        begin = 0
        for count in order.going:
            here = slice(begin, begin + count)
            state = state[:count]
            given = inputs[order.rows[here]]
            from_state = torch.addmm(bias, state, weight.T)
            gates = given[:, : 2 * size].add_(from_state[:, : 2 * size]).sigmoid_()
            reset, update = gates.chunk(2, dim=1)
            old = from_state[:, 2 * size :]
            new = given[:, 2 * size :].addcmul_(reset, old).tanh_()
            if kept is not None:
                torch.cat([given, old], dim=1, out=kept[here])
            state = torch.lerp(new, state, update, out=states[here])
            begin += count
        if kept is not None:
            ctx.save_for_backward(weight, states, kept)
            ctx.order, ctx.frames = order, len(inputs)
        return states

    @staticmethod
    @in_full_precision
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, states, kept = ctx.saved_tensors
        size, grad = weight.shape[1], grads[0].float()
        to_product = grad.new_empty(len(states), 3 * size)
        to_new = grad.new_empty(len(states), size)
        before = torch.zeros_like(states)
        carried = grad.new_zeros(ctx.order.going[0], size)
        end = len(states)
        for step in reversed(range(len(ctx.order.going))):
            count = ctx.order.going[step]
            here = slice(end - count, end)
            if step:
                earlier = end - count - ctx.order.going[step - 1]
                before[here] = states[earlier : earlier + count]
            reset, update, new, old = kept[here].chunk(4, dim=1)
            to_state = carried[:count].add_(grad[here])
            by_new = to_state * (1 - update) * (1 - new * new)
            by_update = to_state * (before[here] - new) * update * (1 - update)
            by_reset = by_new * old * reset * (1 - reset)
            torch.cat([by_reset, by_update, by_new * reset], 1, out=to_product[here])
            to_new[here] = by_new
            if step:
                to_state.mul_(update).addmm_(to_product[here], weight)
            end -= count
        to_given = torch.cat([to_product[:, : 2 * size], to_new], dim=1)
        to_inputs = grad.new_zeros(ctx.frames, 3 * size)
        to_inputs.index_add_(0, ctx.order.rows, to_given)
        return to_inputs, to_product.T @ before, to_product.sum(dim=0), None


def states(
    lstm: nn.LSTM, words: Float[Tensor, "b w k"], mask: Bool[Tensor, "b w"]
) -> Float[Tensor, "b w h"]:
    """At every word; zeros where there is none."""
    found, _ = pad_packed_sequence(
        lstm(_packed(words, mask))[0], batch_first=True, total_length=words.shape[1]
    )
    return found


def last_state(
    lstm: nn.LSTM, words: Float[Tensor, "b w k"], mask: Bool[Tensor, "b w"]
) -> Float[Tensor, "b h"]:
    """After the last word, of an LSTM that reads in one direction."""
    _, (last, _) = lstm(_packed(words, mask))
    found: Tensor = last[-1]
    return found


def weighed(
    words: Float[Tensor, "b w k"],
    weights: Float[Tensor, "p w"],
    query: Int[Tensor, " p"],
) -> Float[Tensor, "p k"]:
    """Each pair's sum of its query's words, with one product a query."""
    order = query.argsort(stable=True)
    counts = torch.bincount(query, minlength=len(words))
    begin = (counts.cumsum(dim=0) - counts)[query[order]]
    place = torch.empty_like(query)
    place[order] = torch.arange(len(query), device=query.device) - begin
    dense = weights.new_zeros(len(words), int(counts.max()), weights.shape[1])
    dense = dense.index_put((query, place), weights)
    return torch.bmm(dense, words)[query, place]


def _packed(
    words: Float[Tensor, "b w k"], mask: Bool[Tensor, "b w"]
) -> nn.utils.rnn.PackedSequence:
    lengths = mask.sum(dim=1).clamp(min=1).cpu()
    return pack_padded_sequence(words, lengths, True, enforce_sorted=False)
