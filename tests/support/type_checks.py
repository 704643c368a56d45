"""Checks of the types and shapes of calls, cheap enough to be on in every test.

jaxtyping checks each call of each function, and compiles the check when the function is
defined. That is most of the time of the tests, so here it is done when a function is first
called, and for the first calls of each test: those that follow take the same path.
"""

import inspect
from collections import Counter
from collections.abc import Callable
from functools import wraps
from types import CodeType
from typing import Any

import jaxtyping
from beartype import BeartypeConf
from beartype.claw import beartype_package

MOST_CALLS, MOST_LOCAL_CALLS = 10, 2
"""Calls of a function that are checked in one test; and of one defined in another, for
which the check is compiled each time that the other is called."""
_calls: Counter[CodeType] = Counter()
_jaxtyped: Any = jaxtyping.jaxtyped


def begin_test() -> None:
    """From here on, all functions are checked again."""
    _calls.clear()


def install(package: str, with_arrays: list[str]) -> None:
    """Check the package: those of its modules that have arrays by jaxtyping, the others
    by beartype alone. A name of a package stands for all that is in it.
    """
    jaxtyping.jaxtyped = _sparingly  # type: ignore[assignment]
    jaxtyping.install_import_hook(with_arrays, "beartype.beartype")
    beartype_package(package, conf=BeartypeConf(claw_is_pep526=False))


def _sparingly(*, typechecker: Any) -> Callable[[Any], Any]:
    """In the place of ``jaxtyping.jaxtyped``."""

    def decorate(checked: Any) -> Any:
        match checked:
            case classmethod() | staticmethod():
                return type(checked)(decorate(checked.__func__))
            case property():
                accessors = (checked.fget, checked.fset, checked.fdel)
                return property(*(each and decorate(each) for each in accessors))
            case type():
                if "__dataclass_fields__" in vars(checked):
                    checked.__init__ = decorate(checked.__init__)  # type: ignore[misc]
                return checked
        return _limited(checked, typechecker)

    return decorate


def _limited(plain: Callable[..., Any], typechecker: Any) -> Callable[..., Any]:
    code = inspect.unwrap(plain).__code__
    most = MOST_LOCAL_CALLS if "<locals>" in plain.__qualname__ else MOST_CALLS
    checked: Callable[..., Any] | None = None

    @wraps(plain)
    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal checked
        if _calls[code] >= most:
            return plain(*arguments, **options)
        _calls[code] += 1
        if checked is None:
            checked = _jaxtyped(plain, typechecker=typechecker)
        return checked(*arguments, **options)

    return call
