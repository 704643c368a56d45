"""Models: each paper is a file, each line here a model that can be trained."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from slta.models.base import Model, Sizes

MODELS: dict[str, tuple[str, str]] = {
    "acrn": ("acrn", "ACRN"),
    "ctrl": ("ctrl", "CTRL"),
    "mcn": ("mcn", "MCN"),
    "moment_prior": ("moment_prior", "MomentPrior"),
    "query_only": ("query_only", "QueryOnly"),
    "role": ("role", "ROLE"),
    "slta": ("slta", "SLTA"),
    "slta_released": ("released", "Released"),
    "video_only": ("video_only", "VideoOnly"),
    "vsa_rnn": ("vsa", "vsa_rnn"),
    "vsa_stv": ("vsa", "vsa_stv"),
    "tan2d": ("tan2d", "Tan2D"),
    "moment_detr": ("moment_detr", "MomentDETR"),
    "qd_detr": ("qd_detr", "QDDETR"),
}
"""By the name that its configuration has: its file, and what makes it there."""


def maker(config: Any) -> "Callable[[Any, Sizes], Model]":
    """The class of the model that a configuration describes, or what makes it."""
    # Imported late, so that who searches without training need not wait for torch.
    file, name = MODELS[config.name]
    made: Callable[[Any, Sizes], Model] = getattr(
        import_module(f"slta.models.{file}"), name
    )
    return made


def build(config: Any, sizes: "Sizes") -> "Model":
    """The model that a configuration describes, with new weights."""
    return maker(config)(config, sizes)
