"""Models: each paper is a file, each line here a model that can be trained."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slta.models.slta import SLTA, Sizes

# The imports are late, so that who searches without training need not wait for torch.


def _slta(config: Any, sizes: "Sizes") -> "SLTA":
    from slta.models.slta import SLTA

    return SLTA(config, sizes)


def _released(config: Any, sizes: "Sizes") -> Any:
    from slta.models.released import Released

    return Released(config, sizes)


MODELS: dict[str, Callable[[Any, Any], Any]] = {
    "SLTAConfig": _slta,
    "ReleasedConfig": _released,
}
"""By the type of its configuration."""


def build(config: Any, sizes: "Sizes") -> "SLTA":
    """The model that a configuration describes, with new weights."""
    return MODELS[type(config).__name__](config, sizes)
