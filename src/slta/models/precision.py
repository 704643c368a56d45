"""Full precision within mixed."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


def in_full_precision(computes: Callable[..., Any]) -> Callable[..., Any]:
    """For what is written in place and computed by hand: autocast gives a product of
    numbers of 32 bits 16. The first argument after the context is a tensor."""

    @wraps(computes)
    def whole(ctx: Any, first: torch.Tensor, *others: Any) -> Any:
        with torch.autocast(first.device.type, enabled=False):
            return computes(ctx, first, *others)

    return whole
