"""Models: each is a file, each line of ``MODELS`` one that can be trained."""

from collections.abc import Callable
from functools import cache
from typing import Any, get_type_hints

from slta.errors import InputError
from slta.extensions import from_file, installed, is_file, unknown
from slta.models.acrn import ACRN
from slta.models.base import Model, Sizes, VideoModel
from slta.models.blind import MomentPrior, QueryOnly, VideoOnly
from slta.models.ctrl import CTRL
from slta.models.mcn import MCN
from slta.models.moment_detr import MomentDETR
from slta.models.qd_detr import QDDETR
from slta.models.released import Released
from slta.models.role import ROLE
from slta.models.slta import SLTA
from slta.models.tan2d import Tan2D
from slta.models.vsa import vsa_rnn, vsa_stv

Builder = Callable[[Any, Sizes], Model]
"""A model's class, or a function that makes it: from a configuration, whose type its first
parameter is annotated with, and the sizes of the features."""

MODELS: dict[str, Builder] = {
    "acrn": ACRN,
    "ctrl": CTRL,
    "mcn": MCN,
    "moment_detr": MomentDETR,
    "moment_prior": MomentPrior,
    "qd_detr": QDDETR,
    "query_only": QueryOnly,
    "role": ROLE,
    "slta": SLTA,
    "slta_released": Released,
    "tan2d": Tan2D,
    "video_only": VideoOnly,
    "vsa_rnn": vsa_rnn,
    "vsa_stv": vsa_stv,
}
"""By the name that its configuration has."""
_FROM_FILES: dict[str, Builder] = {}


def known() -> dict[str, Builder]:
    """The models of the program, of installed packages, and of files that were named."""
    return installed("models") | _FROM_FILES | MODELS


def find(name: str) -> Builder:
    """The model of that name, or that ``my_file.py:MyModel`` names, whose file is run.

    Raises ``InputError`` for a name that is unknown and a class that is no model.
    """
    if is_file(name):
        builder = from_file(name)
        default = _default(builder, name)
        if default.name in MODELS:
            raise InputError(
                f"{name} has the name of a model of the program, {default.name!r}; give "
                "its configuration another name"
            )
        _FROM_FILES[default.name] = builder
        return builder
    models = known()
    if name not in models:
        remedy = "list them with 'slta list models'"
        raise InputError(unknown("model", name, models, remedy))
    return models[name]


@cache
def config_of(builder: Builder) -> type[Any]:
    """The type of a model's configuration."""
    signed = builder.__init__ if isinstance(builder, type) else builder  # type: ignore[misc]
    hints = get_type_hints(signed)
    if "config" not in hints:
        raise InputError(
            f"{builder.__name__} is no model: its first parameter must be called config, "
            "and be annotated with the type of its configuration"
        )
    return hints["config"]


def _default(builder: Any, name: str) -> Any:
    """The default configuration of a class from elsewhere."""
    try:
        default = config_of(builder)()
        default.name + ""
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"{name} is no model ({error}); see docs/add-a-model.md"
        ) from error
    return default


def builder_of(config: Any) -> Builder:
    """What makes the model that a configuration describes."""
    return find(config.name)


def class_of(builder: Builder) -> type[Model]:
    made = builder if isinstance(builder, type) else get_type_hints(builder)["return"]
    return made


def sees_whole_videos(builder: Builder) -> bool:
    """Whether the model answers with spans of its own, rather than score candidates."""
    return issubclass(class_of(builder), VideoModel)


def build(config: Any, sizes: Sizes) -> Model:
    """The model that a configuration describes, with new weights."""
    return builder_of(config)(config, sizes)
