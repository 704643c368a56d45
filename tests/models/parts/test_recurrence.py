"""A GRU over windows that share frames, against one that runs over each alone."""

import pytest
import torch
from torch import Tensor

from slta.models.parts import recurrence as module
from slta.models.parts.recurrence import Recurrence
from tests.support.batches import close

START = torch.tensor([0, 20, 5, 0, 0, 31, 5])
COUNT = torch.tensor([4, 9, 1, 20, 5, 9, 12])


def recurrence() -> Recurrence:
    torch.manual_seed(0)
    return Recurrence(6)


def alone(found: Recurrence, inputs: Tensor) -> Tensor:
    """Each window from its first frame on, by torch's own GRU."""
    gru = torch.nn.GRU(18, 6)
    gru.weight_ih_l0.data, gru.bias_ih_l0.data = torch.eye(18), torch.zeros(18)
    gru.weight_hh_l0, gru.bias_hh_l0 = found.from_state.weight, found.from_state.bias
    pairs = zip(START.tolist(), COUNT.tolist(), strict=True)
    return torch.stack([gru(inputs[s : s + n])[1][0] for s, n in pairs])


@pytest.mark.parametrize("block", [1, 12, 1 << 18])
def test_windows_that_share_steps_end_as_if_each_ran_alone(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, inputs = recurrence(), torch.randn(40, 18)
    monkeypatch.setattr(module, "BLOCK", 6 * block)
    with torch.no_grad():
        close(found(inputs, START, COUNT), alone(found, inputs))


def test_it_learns_as_if_each_window_ran_alone() -> None:
    found, inputs = recurrence(), torch.randn(40, 18, requires_grad=True)
    parts = inputs, found.from_state.weight, found.from_state.bias
    states, expected = found(inputs, START, COUNT), alone(found, inputs)
    close(states, expected)
    back = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(states, parts, back),
        torch.autograd.grad(expected, parts, back),
        strict=True,
    ):
        assert one.abs().sum() > 0
        close(one, other)


def test_what_reads_no_state_gets_no_gradient() -> None:
    found, inputs = recurrence(), torch.randn(40, 18, requires_grad=True)
    found(inputs, START, COUNT).sum().backward()
    assert inputs.grad is not None
    read = {
        i
        for s, n in zip(START.tolist(), COUNT.tolist(), strict=True)
        for i in range(s, s + n)
    }
    assert {i for i in range(40) if inputs.grad[i].any()} == read != set(range(40))
