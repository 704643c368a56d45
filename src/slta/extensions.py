"""Models, data sets and extractors of other packages and files, found by name.

A package offers them as entry points of the groups ``slta.models``, ``slta.datasets`` and
``slta.extractors``; a file is named with what it defines: ``my_file.py:MyModel``.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from slta.errors import InputError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Known(Generic[T]):
    """Objects of a kind by name, built in or from installed packages.

    A package is imported only for one of its names, or to list all.
    """

    def __init__(
        self, group: str, own: Mapping[str, T], form: Callable[[str, Any], T]
    ) -> None:
        """``form`` converts an entry point's name and object, or raises ``InputError``."""
        self._group, self._own, self._form = group, own, form

    def names(self) -> list[str]:
        return list(dict.fromkeys([*self._own, *self._points()]))

    def get(self, name: str) -> T | None:
        """The object, or None for an unknown name. Raises ``InputError`` for one of an
        unusable package."""
        if name in self._own:
            return self._own[name]
        point = self._points().get(name)
        return None if point is None else self._load(point)

    def all(self) -> dict[str, T]:
        """All objects, built-in ones first. Unusable ones are logged once and left out."""
        found = dict(self._own)
        for name, point in self._points().items():
            try:
                if name in self._own:
                    raise InputError(
                        _fault(point, "its name is that of a built-in one")
                    )
                found[name] = self._load(point)
            except InputError as error:
                _report_once(f"{error}; it is left out")
        return found

    def _points(self) -> dict[str, EntryPoint]:
        """Of packages with the same name, the first on the path counts."""
        every = entry_points(group=f"slta.{self._group}")
        return {point.name: point for point in reversed([*every])}

    def _load(self, point: EntryPoint) -> T:
        value = _loaded(point)
        if isinstance(value, InputError):
            raise value
        try:
            return self._form(point.name, value)
        except InputError as error:
            raise InputError(_fault(point, str(error))) from error


@cache
def _loaded(point: EntryPoint) -> Any:
    """The object, or the error of importing its package."""
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        # Another package's code can fail in any way.
        return InputError(_fault(point, f"{type(error).__name__}: {error}"))


def _fault(point: EntryPoint, why: str) -> str:
    package = point.dist.name if point.dist else point.module
    return (
        f"the entry point {point.name!r} of the package {package} cannot be used ({why}); "
        f"update {package}, or uninstall it"
    )


@cache
def _report_once(line: str) -> None:
    logger.warning("%s", line)


def package_of(group: str, module: str) -> str | None:
    """The installed package of a module with entry points in a group."""
    top = module.partition(".")[0]
    for point in entry_points(group=f"slta.{group}"):
        if point.module.partition(".")[0] == top and point.dist:
            return f"{point.dist.name} {point.dist.version}"
    return None


def is_file(name: str) -> bool:
    """Whether the name has the form ``my_file.py:MyModel``."""
    place, colon, _ = name.rpartition(":")
    return (place if colon else name).endswith(".py")


def from_file(name: str) -> Any:
    """The object that ``my_file.py:MyModel`` names. The file is executed: pass only names
    that the user typed, never one read from a file.

    Raises ``InputError`` for a file that is missing or cannot be imported, or does not
    define the name.
    """
    place, colon, attribute = name.rpartition(":")
    if not (colon and attribute):
        place = (place if colon else name) or name
        raise InputError(f"{name} has no class; give it as {place}:CLASS")
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise InputError(f"there is no file {place}; give it as FILE.py:CLASS")
    if not path.stem.isidentifier():
        raise InputError(
            f"{place} cannot be imported: {path.stem!r} is not a Python name; rename the "
            "file with letters, digits and underscores"
        )
    # On the path, so that worker processes can import it as well.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        module = import_module(path.stem)
    except (Exception, SystemExit) as error:
        # The user's code can fail in any way.
        raise InputError(
            f"{place} cannot be imported ({type(error).__name__}: {error}); "
            "correct it, then run the same command again"
        ) from error
    if Path(getattr(module, "__file__", None) or "").resolve() != path:
        other = getattr(module, "__file__", None) or "Python itself"
        raise InputError(
            f"{place} has the name of the module {path.stem} of {other}; rename the file"
        )
    if not hasattr(module, attribute):
        classes = [key for key, value in vars(module).items() if callable(value)]
        remedy = f"define it in {place}"
        raise InputError(unknown("class", attribute, classes, remedy))
    return getattr(module, attribute)


def unknown(what: str, name: str, known: Iterable[str], remedy: str) -> str:
    """An error text for an unknown name: the nearest known names, or else the remedy.

    >>> unknown("model", "qd_dtr", ["qd_detr", "slta"], "list them")
    "unknown model 'qd_dtr'; did you mean qd_detr?"
    """
    near = get_close_matches(name, [*known], n=3, cutoff=0.5)
    return f"unknown {what} {name!r}; " + (
        f"did you mean {' or '.join(near)}?" if near else remedy
    )
