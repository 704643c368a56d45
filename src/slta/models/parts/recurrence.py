"""A GRU over the frames of many windows at once.

Shapes: f frames · h size of the state · g = 3 h · n sequences · s distinct starts ·
x steps of all sequences, one step's after another's, the longest sequence first.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

BLOCK = 1 << 18
"""Maximum numbers of states computed at a time in inference."""


class Recurrence(nn.Module):
    """A GRU (Cho et al. 2014) whose inputs are ``W_ih x + b_ih``, computed once a frame for
    all windows that contain it. Windows with the same start share their steps."""

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
        """The states after ``count`` rows of ``inputs`` from row ``start`` on."""
        starts, of_start = start.unique(return_inverse=True)
        longest = count.new_zeros(len(starts)).scatter_reduce(
            0, of_start, count, reduce="amax"
        )
        order = longest.argsort(descending=True, stable=True)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        of_start, starts, longest = place[of_start], starts[order], longest[order]

        # Training keeps all states for the backward pass; inference only a block's.
        block = len(starts) if torch.is_grad_enabled() else BLOCK // self.size
        members, last = [], []
        for first in range(0, len(starts), block):
            here = slice(first, first + block)
            member = ((of_start >= first) & (of_start < first + block)).nonzero()[:, 0]
            order_of = _Order.of(starts[here], longest[here])
            with torch.autocast(inputs.device.type, enabled=False):
                states = _run(
                    inputs.float(),
                    self.from_state.weight,
                    self.from_state.bias,
                    order_of,
                )
            ends = order_of.begin[count[member] - 1] + of_start[member] - first
            last.append(states[ends])
            members.append(member)
        order = torch.cat(members).argsort()
        return torch.cat(last)[order]


class _Order(NamedTuple):
    rows: Int[Tensor, " x"]
    """Input row of each step of each sequence."""
    going: list[int]
    """Number of sequences that reach each step."""
    begin: Int[Tensor, " l"]
    """Index of each step's first row."""

    @classmethod
    def of(cls, starts: Int[Tensor, " s"], lengths: Int[Tensor, " s"]) -> "_Order":
        """``lengths`` must be descending."""
        steps = torch.arange(int(lengths[0]), device=lengths.device)
        going = (lengths[:, None] > steps).sum(dim=0)
        rows = (steps[:, None] + starts).flatten()
        which = (lengths > steps[:, None]).flatten()
        return cls(rows[which], going.tolist(), going.cumsum(dim=0) - going)


def _run(
    inputs: Float[Tensor, "f g"],
    weight: Float[Tensor, "g h"],
    bias: Float[Tensor, " g"],
    order: _Order,
) -> Float[Tensor, "x h"]:
    """The states of all steps. The backward pass keeps five values a state: both gates, the
    state's product, and the new state before and after the interpolation.
    """
    size = weight.shape[1]
    # Each index has a gradient as large as all inputs, so training uses a single one.
    gathered = (
        inputs.index_select(0, order.rows).split(order.going)
        if torch.is_grad_enabled()
        else (inputs[rows] for rows in order.rows.split(order.going))
    )
    (to_gates, to_new), (gates_bias, new_bias) = (
        parameter.split([2 * size, size]) for parameter in (weight, bias)
    )
    state = inputs.new_zeros(order.going[0], size)
    steps = []
    for step in gathered:
        state = state[: len(step)]
        gates = torch.addmm(gates_bias, state, to_gates.T)
        reset, update = gates.add_(step[:, : 2 * size]).sigmoid_().chunk(2, dim=1)
        old = torch.addmm(new_bias, state, to_new.T)
        new = torch.addcmul(step[:, 2 * size :], reset, old).tanh_()
        state = torch.lerp(new, state, update)
        steps.append(state)
    return torch.cat(steps)


def states(
    lstm: nn.LSTM, words: Float[Tensor, "b w k"], mask: Bool[Tensor, "b w"]
) -> Float[Tensor, "b w h"]:
    """The LSTM's states at every word; zeros for padding."""
    outputs, _ = pad_packed_sequence(
        lstm(_packed(words, mask))[0], batch_first=True, total_length=words.shape[1]
    )
    return outputs


def last_state(
    lstm: nn.LSTM, words: Float[Tensor, "b w k"], mask: Bool[Tensor, "b w"]
) -> Float[Tensor, "b h"]:
    """The state of a unidirectional LSTM after the last word."""
    _, (last, _) = lstm(_packed(words, mask))
    state: Tensor = last[-1]
    return state


def weighed(
    words: Float[Tensor, "b w k"],
    weights: Float[Tensor, "p w"],
    query: Int[Tensor, " p"],
) -> Float[Tensor, "p k"]:
    """Weighted sums of each pair's words, with one product a query."""
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
