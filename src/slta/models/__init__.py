"""Models: a module each, and a line in ``MODELS``."""

from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from typing import Any, get_type_hints

from slta.errors import InputError
from slta.extensions import Known, from_file, is_file, package_of, unknown
from slta.models.acrn import ACRN
from slta.models.base import CandidateModel, Model, Sizes, VideoModel
from slta.models.blind import MomentPrior, QueryOnly, VideoOnly
from slta.models.ctrl import CTRL
from slta.models.mcn import MCN
from slta.models.moment_detr import MomentDETR
from slta.models.qd_detr import QDDETR
from slta.models.released import Released
from slta.models.role import ROLE
from slta.models.slta import SLTA
from slta.models.slta_pyramid import SLTAPyramid
from slta.models.snag import SnAG
from slta.models.tan2d import Tan2D
from slta.models.vsa import vsa_rnn, vsa_stv

Builder = Callable[[Any, Sizes], Model]
"""A model's class, or a function that returns one: from a configuration, by the type of the
first parameter, and the sizes of the features."""

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
    "slta_pyramid": SLTAPyramid,
    "slta_released": Released,
    "snag": SnAG,
    "tan2d": Tan2D,
    "video_only": VideoOnly,
    "vsa_rnn": vsa_rnn,
    "vsa_stv": vsa_stv,
}
"""By the name in the model's configuration."""
_GIVEN: dict[str, Builder] = {}
"""By the same name: models from the user's files and classes."""
SEE = "see docs/add-a-model.md"


def known() -> dict[str, Builder]:
    """Built-in models, and those of installed packages and of the user."""
    return _KNOWN.all() | _GIVEN


def names() -> list[str]:
    """Names of ``known``, without importing packages."""
    return list(dict.fromkeys([*_KNOWN.names(), *_GIVEN]))


def find(model: str | Builder) -> Builder:
    """The model of that name; for ``my_file.py:MyModel``, the file is executed. A model
    itself is registered by the name in its configuration.

    Raises ``InputError`` for an unknown name, and for what is not a model.
    """
    if not isinstance(model, str):
        return _give(model, getattr(model, "__name__", repr(model)))
    if is_file(model):
        return _give(from_file(model), model)
    if (builder := _GIVEN.get(model) or _KNOWN.get(model)) is not None:
        return builder
    remedy = "list them with 'slta list models'"
    raise InputError(unknown("model", model, names(), remedy))


def _give(builder: Any, called: str) -> Builder:
    default = _default(builder, called)
    if default.name in MODELS:
        if MODELS[default.name] is builder:
            return MODELS[default.name]
        raise InputError(
            f"{called} has the name of a built-in model, {default.name!r}; give its "
            "configuration another name"
        )
    # A class may be redefined in a notebook.
    other = _GIVEN.get(default.name, builder)
    if other.__module__ not in (builder.__module__, "__main__"):
        raise InputError(
            f"{called} has the name {default.name!r}, as {other.__name__} of "
            f"{other.__module__} has; give one of their configurations another name"
        )
    _GIVEN[default.name] = builder
    return _GIVEN[default.name]


def _offered(name: str, builder: Any) -> Builder:
    """Checks the model of an installed package."""
    if (default := _default(builder, name)).name != name:
        raise InputError(
            f"its configuration has the name {default.name!r}, which must be the same"
        )
    checked: Builder = builder
    return checked


_KNOWN = Known[Builder]("models", MODELS, _offered)


@cache
def config_of(builder: Builder) -> type[Any]:
    """The type of a model's configuration."""
    signed = builder.__init__ if isinstance(builder, type) else builder  # type: ignore[misc]
    hints = get_type_hints(signed)
    if "config" not in hints:
        raise InputError(
            f"{builder.__name__} is not a model: its first parameter must be called config, "
            "and be annotated with the type of its configuration"
        )
    return hints["config"]


def _default(builder: Any, called: str) -> Any:
    """The default configuration of a class from elsewhere.

    Raises ``InputError`` for what is not a model.
    """
    if not callable(builder):
        raise InputError(f"{called} is not a model or a function that makes one; {SEE}")
    try:
        kinds = issubclass(_made(builder), CandidateModel | VideoModel)
        default = config_of(builder)() if kinds else None
    except (AttributeError, KeyError, NameError, TypeError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{called} is not a model ({problem}); {SEE}") from error
    if not kinds:
        raise InputError(
            f"{called} is not a model: it must be a CandidateModel or a VideoModel; {SEE}"
        )
    if not (is_dataclass(default) and isinstance(getattr(default, "name", None), str)):
        raise InputError(
            f"{called} is not a model: its configuration must be a dataclass with a name; "
            f"{SEE}"
        )
    return default


def builder_of(config: Any) -> Builder:
    """The builder of the model that a configuration describes."""
    return find(config.name)


def origin(config: Any) -> str | None:
    """The package or file of a model, for a run's config.json; None for a built-in one."""
    builder = builder_of(config)
    if builder.__module__.startswith(f"{__name__}."):
        return None
    if (package := package_of("models", builder.__module__)) is not None:
        return package
    called = getattr(builder, "__qualname__", str(builder))
    module = builder.__module__
    return called if module == "__main__" else f"{module}.py:{called}"


def class_of(builder: Builder) -> type[Model]:
    made: type[Model] = _made(builder)
    return made


def _made(builder: Any) -> Any:
    return builder if isinstance(builder, type) else get_type_hints(builder)["return"]


def sees_whole_videos(builder: Builder) -> bool:
    """Whether it is a ``VideoModel``, rather than a ``CandidateModel``."""
    return issubclass(class_of(builder), VideoModel)


def build(config: Any, sizes: Sizes) -> Model:
    """A new model, with random weights."""
    return builder_of(config)(config, sizes)
