"""What models make of the words of a query.

Shapes: b queries · w words · k size of a word's vector · h of a state · p pairs of a query
and a candidate.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


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
