"""Pickles of plain values: lists, tuples, dictionaries, strings and numbers.

Python's own unpickler builds whatever a file names, and so runs what it says. This one
knows the opcodes of plain values and no others: whatever names a class or a function, or
calls or builds something, is refused before anything of it happens.
"""

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slta.errors import InputError

VALUES = frozenset(
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE "
    "BINUNICODE8".split()
)
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
NOTHING = frozenset(("PROTO", "FRAME"))
"""Opcodes that say how the file is written."""
_MARK = object()


class Refused(ValueError):
    """The opcode is not one of plain values."""


def load(path: Path) -> Any:
    """Raises ``InputError`` for a file that is damaged or holds anything else."""
    try:
        return loads(path.read_bytes())
    except Refused as error:
        raise InputError(
            f"{path} is refused ({error}); get the file from its authors"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    except (LookupError, TypeError, ValueError, OverflowError, MemoryError) as error:
        problem = " ".join(str(error).split())[:100]
        raise InputError(f"{path} is damaged ({problem}); get it again") from None


def loads(data: bytes) -> Any:
    """
    >>> import pickle
    >>> loads(pickle.dumps([("a", 1.5), {"b": None}]))
    [('a', 1.5), {'b': None}]
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for opcode, argument, place in pickletools.genops(data):
        name = opcode.name
        if name == "STOP":
            if len(stack) != 1 or stack[0] is _MARK:
                raise ValueError(f"{len(stack)} values at the end")
            return stack[0]
        if name in VALUES:
            stack.append(CONSTANTS.get(name, argument))
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[_place(argument)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[_place(argument)])
        elif name in BUILDS:
            BUILDS[name](stack)
        elif name not in NOTHING:
            raise Refused(
                f"{name} at byte {place} is no plain value and could run code"
            )
    raise ValueError("no end")


def _place(argument: Any) -> int:
    """In the memo; older protocols write it as text."""
    return int(argument)


def _marked(stack: list[Any]) -> list[Any]:
    """Takes what is above the last mark, and the mark."""
    start = len(stack) - 1
    while stack[start] is not _MARK:
        if not start:
            raise ValueError("no mark")
        start -= 1
    values = stack[start + 1 :]
    del stack[start:]
    return values


def _last(stack: list[Any], count: int) -> list[Any]:
    """Takes so many values."""
    values = stack[len(stack) - count :]
    if len(values) < count or any(value is _MARK for value in values):
        raise ValueError("too few values")
    del stack[len(stack) - count :]
    return values


def _extend(stack: list[Any], values: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise TypeError("append to what is no list")
    stack[-1].extend(values)


def _update(stack: list[Any], values: list[Any]) -> None:
    if not isinstance(stack[-1], dict):
        raise TypeError("entries for what is no dictionary")
    stack[-1].update(_entries(values))


def _entries(values: list[Any]) -> dict[Any, Any]:
    # Hashing a tuple in a tuple in a tuple and so on could exhaust the machine's stack.
    if not all(isinstance(key, str | int | float) for key in values[::2]):
        raise TypeError("a key that is neither a string nor a number")
    return dict(zip(values[::2], values[1::2], strict=True))


BUILDS: dict[str, Callable[[list[Any]], None]] = {
    "MARK": lambda stack: stack.append(_MARK),
    "EMPTY_LIST": lambda stack: stack.append([]),
    "EMPTY_TUPLE": lambda stack: stack.append(()),
    "EMPTY_DICT": lambda stack: stack.append({}),
    "LIST": lambda stack: stack.append(_marked(stack)),
    "TUPLE": lambda stack: stack.append(tuple(_marked(stack))),
    "DICT": lambda stack: stack.append(_entries(_marked(stack))),
    "TUPLE1": lambda stack: stack.append(tuple(_last(stack, 1))),
    "TUPLE2": lambda stack: stack.append(tuple(_last(stack, 2))),
    "TUPLE3": lambda stack: stack.append(tuple(_last(stack, 3))),
    "APPEND": lambda stack: _extend(stack, _last(stack, 1)),
    "APPENDS": lambda stack: _extend(stack, _marked(stack)),
    "SETITEM": lambda stack: _update(stack, _last(stack, 2)),
    "SETITEMS": lambda stack: _update(stack, _marked(stack)),
}
"""By opcode: what it makes of the values before it."""
