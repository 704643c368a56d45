"""Models, data sets and extractors of other packages and files, found by name.

A package offers them as entry points of the groups ``slta.models``, ``slta.datasets`` and
``slta.extractors``; a file is named with what it defines: ``my_file.py:MyModel``.
"""

import logging
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from slta.errors import InputError

logger = logging.getLogger(__name__)


def installed(group: str) -> dict[str, Any]:
    """What installed packages offer in a group, by name. One that cannot be imported is
    reported once, with the package and the reason, and left out."""
    loaded = {point.name: _load(point) for point in entry_points(group=f"slta.{group}")}
    return {name: value for name, value in loaded.items() if value is not None}


@cache
def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # another package's code can fail in any way
        package = point.dist.name if point.dist else point.module
        logger.warning(
            "the entry point %r of %s cannot be loaded (%s: %s) and is left out; "
            "update %s, or uninstall it",
            *(point.name, package, type(error).__name__, error, package),
        )
        return None


def is_file(name: str) -> bool:
    """Whether it names a Python file and what is in it, as ``my_file.py:MyModel``."""
    return name.partition(":")[0].endswith(".py")


def from_file(name: str) -> Any:
    """What ``my_file.py:MyModel`` names. The file is run: only a name that the user typed
    may be given, never one that was read from a file.

    Raises ``InputError`` for a file that is missing or cannot be imported, and for a name
    that it does not define.
    """
    place, _, attribute = name.partition(":")
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise InputError(f"there is no file {place}; name it as FILE.py:CLASS")
    if not attribute:
        raise InputError(f"{name} names no class; name it as {place}:CLASS")
    # Imported as any script imports its neighbours, so that other processes can, too.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        module = import_module(path.stem)
    except Exception as error:  # the user's code can fail in any way
        raise InputError(
            f"{place} cannot be imported ({type(error).__name__}: {error}); "
            "correct it, then run the same command again"
        ) from error
    if Path(module.__file__ or "").resolve() != path:
        raise InputError(
            f"{place} is called like the module {path.stem} of {module.__file__}; "
            "rename the file"
        )
    if not hasattr(module, attribute):
        remedy = f"define it in {place}"
        raise InputError(unknown("class", attribute, vars(module), remedy))
    return getattr(module, attribute)


def unknown(what: str, name: str, known: Iterable[str], remedy: str) -> str:
    """Says of an unknown name which three known ones are nearest, or else the remedy.

    >>> unknown("model", "qd_dtr", ["qd_detr", "slta"], "list them")
    "unknown model 'qd_dtr'; did you mean qd_detr?"
    """
    near = get_close_matches(name, [*known], n=3, cutoff=0.5)
    return f"unknown {what} {name!r}; " + (
        f"did you mean {' or '.join(near)}?" if near else remedy
    )
