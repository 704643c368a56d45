"""Features on the scale of the training split."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


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
