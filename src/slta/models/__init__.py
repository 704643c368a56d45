"""Models: each is a file, each line of ``MODELS`` one that can be trained."""

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
_GIVEN: dict[str, Builder] = {}
"""By the same name: models that the user named by their file, or gave as a class."""
SEE = "see docs/add-a-model.md"


def known() -> dict[str, Builder]:
    """The models of the program, of installed packages, and of files that were named."""
    return _KNOWN.all() | _GIVEN


def names() -> list[str]:
    """The same, without importing packages."""
    return list(dict.fromkeys([*_KNOWN.names(), *_GIVEN]))


def find(model: str | Builder) -> Builder:
    """The model of that name; or that ``my_file.py:MyModel`` names, whose file is run; or
    the model itself, from now on known by the name of its configuration.

    Raises ``InputError`` for a name that is unknown and for what is no model.
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
            f"{called} has the name of a model of the program, {default.name!r}; give "
            "its configuration another name"
        )
    # Who edits a class in a notebook defines it again.
    other = _GIVEN.get(default.name, builder)
    if other.__module__ not in (builder.__module__, "__main__"):
        raise InputError(
            f"{called} has the name {default.name!r}, as {other.__name__} of "
            f"{other.__module__} has; give one of their configurations another name"
        )
    _GIVEN[default.name] = builder
    return _GIVEN[default.name]


def _offered(name: str, builder: Any) -> Builder:
    """A model of an installed package, by the name that its configuration has, too."""
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
            f"{builder.__name__} is no model: its first parameter must be called config, "
            "and be annotated with the type of its configuration"
        )
    return hints["config"]


def _default(builder: Any, called: str) -> Any:
    """The default configuration of a class from elsewhere.

    Raises ``InputError`` for what is no model.
    """
    if not callable(builder):
        raise InputError(f"{called} is no model, and no function that makes one; {SEE}")
    try:
        kinds = issubclass(_made(builder), CandidateModel | VideoModel)
        default = config_of(builder)() if kinds else None
    except (AttributeError, KeyError, NameError, TypeError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{called} is no model ({problem}); {SEE}") from error
    if not kinds:
        raise InputError(
            f"{called} is no model: it must be a CandidateModel or a VideoModel; {SEE}"
        )
    if not (is_dataclass(default) and isinstance(getattr(default, "name", None), str)):
        raise InputError(
            f"{called} is no model: its configuration must be a dataclass with a name; "
            f"{SEE}"
        )
    return default


def builder_of(config: Any) -> Builder:
    """What makes the model that a configuration describes."""
    return find(config.name)


def origin(config: Any) -> str | None:
    """Where a model of another package or file is from, as a run's config.json says it to
    people; None for one of the program."""
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
    """Whether the model answers with spans of its own, rather than score candidates."""
    return issubclass(class_of(builder), VideoModel)


def build(config: Any, sizes: Sizes) -> Model:
    """The model that a configuration describes, with new weights."""
    return builder_of(config)(config, sizes)
