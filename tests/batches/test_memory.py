"""Memory that is taken again, but never from anybody who still looks at it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from slta.batches.memory import Memory

SHAPE = (3, 4, 5)


def place(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


HOLDERS: dict[str, Callable[[np.ndarray], Any]] = {
    "itself": lambda array: array,
    "a view": lambda array: array[1:, 2],
    "a view of another type": lambda array: array.view(np.uint8)[0],
    "a tensor": torch.from_numpy,
    "a view of a tensor": lambda array: torch.from_numpy(array)[2].flatten(),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_what_is_held_stays_and_what_is_let_go_is_taken_again(name: str) -> None:
    memory = Memory()
    array = memory.empty(SHAPE, np.float32)
    array[:] = 7
    first = place(array)
    held = HOLDERS[name](array)
    del array
    other = memory.empty(SHAPE, np.float32)
    other[:] = 8
    assert place(other) != first
    assert (torch.as_tensor(held).view(torch.float32) == 7).all()
    del held
    assert place(memory.empty(SHAPE, np.float32)) == first


def test_a_smaller_array_of_another_type_fits_and_a_larger_one_gets_more() -> None:
    memory = Memory()
    first = place(memory.empty(SHAPE, np.float32))
    small = memory.empty((2, 60), np.float16)
    assert place(small) == first and small.shape == (2, 60)
    small[:] = 1
    large = memory.empty((61,), np.float32)
    large[:] = 2
    assert (small == 1).all()


def test_nothing_needs_no_memory() -> None:
    assert Memory().empty((2, 0, 5), np.float16).size == 0
