"""Sums over what is seen in the frames that are looked at."""

import pytest
import torch

from slta.models.parts import attention
from slta.models.parts.attention import mean_over


@pytest.mark.parametrize("shared", [0, 10**6])
def test_a_window_has_the_mean_of_its_rows_and_gives_back_its_share(
    shared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both ways of adding them up."""
    monkeypatch.setattr(attention, "SHARED", shared)
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(9, 4, generator=generator, requires_grad=True)
    start, count = torch.tensor([0, 8, 2, 2, 5]), torch.tensor([9, 1, 3, 1, 2])
    wanted = torch.randn(5, 4, generator=generator)
    found = mean_over(rows, start, count)
    windows = list(zip(start.tolist(), count.tolist(), strict=True))
    expected = torch.stack([rows[a : a + n].mean(dim=0) for a, n in windows])
    torch.testing.assert_close(found, expected)
    (mine,) = torch.autograd.grad((found * wanted).sum(), rows)
    (slow,) = torch.autograd.grad((expected * wanted).sum(), rows)
    torch.testing.assert_close(mine, slow)
