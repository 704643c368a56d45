"""SLTA with the faults of its released notebook, each of which can be enabled.

docs/models/slta_released.md has the effect of each fault.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from slta.batches.candidate_batch import Batch
from slta.models.base import Sizes
from slta.models.parts.attention import Looks
from slta.models.slta import SLTA, SLTAConfig


@dataclass(frozen=True, kw_only=True)
class ReleasedConfig(SLTAConfig):
    name: ClassVar[str] = "slta_released"
    summed_regions: bool = False
    """Fault: softmax over an axis of size 1, so that every region has weight 1."""
    frozen_attention: bool = False
    """Fault: spatial attention and GRU are not trained."""
    wrong_pair: bool = False
    """Fault: all pairs of a query use the object vector of its matching candidate in
    training."""
    signed_words: bool = False
    """Fault: word weights are scores divided by their sum, which may be negative or near
    0."""


def released(config: SLTAConfig, **faults: bool) -> ReleasedConfig:
    """The configuration with some of the faults."""
    values: dict[str, Any] = asdict(config) | faults
    return ReleasedConfig(**values)


def notebook(config: SLTAConfig) -> ReleasedConfig:
    """The configuration with all of the faults, as in the notebook."""
    return released(
        config,
        summed_regions=True,
        frozen_attention=True,
        wrong_pair=True,
        signed_words=True,
    )


class Ones(nn.Module):
    def forward(
        self, scores: Float[Tensor, "*rows x"], mask: Bool[Tensor, "*rows x"]
    ) -> Float[Tensor, "*rows x"]:
        return mask.to(scores.dtype)


class Shares(nn.Module):
    def forward(
        self, scores: Float[Tensor, "*rows x"], mask: Bool[Tensor, "*rows x"]
    ) -> Float[Tensor, "*rows x"]:
        scores = scores * mask
        return scores / scores.sum(dim=-1, keepdim=True)


class Released(SLTA):
    """SLTA with broken parts, and so, exceptionally, a subclass."""

    paper = "released notebook"
    needs = "frames, regions, words"
    published = "TACoS 11.5"

    def __init__(self, config: ReleasedConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.faults = config
        if config.summed_regions:
            self.over_regions = Ones()
        if config.signed_words:
            self.over_words = Shares()
        if config.frozen_attention:
            for part in (self.spatial, self.to_interaction, self.interaction):
                part.requires_grad_(False)

    def _objects(
        self,
        batch: Batch,
        regions: Float[Tensor, "v t r e"],
        weights: Float[Tensor, "o f r"],
        looks: Looks,
        start: Int[Tensor, " p"],
        count: Int[Tensor, " p"],
    ) -> Float[Tensor, "p x"]:
        objects = super()._objects(batch, regions, weights, looks, start, count)
        if not (self.faults.wrong_pair and self.training):
            return objects
        # A query's first pair is its matching one.
        query = batch.pairs[:, 0]
        rows = torch.arange(len(query), device=query.device)
        first = torch.zeros_like(query).scatter_reduce(
            0, query, rows, reduce="amin", include_self=False
        )
        return objects[first[query]]
