"""No change moves a model's numbers unnoticed."""

import json

import pytest
import torch

from slta.models import MODELS
from tests.golden.models import FILE, NAMES, values
from tests.support.batches import close


def test_no_model_is_forgotten() -> None:
    assert {*NAMES} == MODELS.keys() == json.loads(FILE.read_text()).keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_values_of_a_fixed_start_stay(name: str) -> None:
    expected = json.loads(FILE.read_text())[name]
    found = values(name)
    assert found.keys() == expected.keys()
    for part, numbers in found.items():
        close(torch.tensor(numbers), torch.tensor(expected[part]))
