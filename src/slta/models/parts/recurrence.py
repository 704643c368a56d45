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
"""Numbers of the states that are computed at a time where nothing is learnt."""


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
            with torch.autocast(inputs.device.type, enabled=False):
                states = _run(
                    inputs.float(),
                    self.from_state.weight,
                    self.from_state.bias,
                    order_of,
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


def _run(
    inputs: Float[Tensor, "f g"],
    weight: Float[Tensor, "g h"],
    bias: Float[Tensor, " g"],
    order: _Order,
) -> Float[Tensor, "x h"]:
    """The states of all steps. For the backward pass each step keeps five times its
    state: both gates, what the state gives, the new state before and after the mixture.
    """
    size = weight.shape[1]
    # The gradient of an index is as large as all inputs: where it learns, there is one.
    gathered = (
        inputs[order.rows].split(order.going)
        if torch.is_grad_enabled()
        else (inputs[rows] for rows in order.rows.split(order.going))
    )
    (to_gates, to_new), (gates_bias, new_bias) = (
        each.split([2 * size, size]) for each in (weight, bias)
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
