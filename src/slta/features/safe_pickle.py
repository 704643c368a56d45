"""Pickles of plain values: lists, tuples, dictionaries, strings and numbers.

Python's own unpickler builds whatever a file names, and so runs what it says. This one
knows the opcodes of plain values and no others: whatever names a class or a function, or
calls or builds something, is refused before anything of it happens. Where arrays are
asked for, the few names with which numpy writes an array of numbers are known as well, or
others that are given; nothing is looked up by them.
"""

import pickletools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

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
BYTES = frozenset("BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split())
NAMES = frozenset(("GLOBAL", "STACK_GLOBAL"))
NUMBERS = re.compile(r"[biufc]\d{1,2}|[?bBhHiIlLqQefdg]")
"""How numpy names a type of numbers."""


class Refused(ValueError):
    """The opcode is not one of plain values."""


def load(path: Path, *, names: Mapping[str, Any] | None = None) -> Any:
    """Raises ``InputError`` for a file that is damaged or holds anything else."""
    with told(path), path.open("rb") as file:
        return loads(file, names=names)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raises ``InputError`` for what goes wrong while the file is read."""
    try:
        yield
    except Refused as error:
        raise InputError(
            f"{path} is refused ({error}); get the file from its authors"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    except (LookupError, TypeError, ValueError, OverflowError, MemoryError) as error:
        problem = " ".join(str(error).split())[:100]
        raise InputError(f"{path} is damaged ({problem}); get it again") from None


def loads(
    data: bytes | BinaryIO,
    *,
    names: Mapping[str, Any] | None = None,
    stored: Callable[[Any], Any] | None = None,
) -> Any:
    """Plain values, and what is made of those names: with ``NUMPY``, arrays of numbers,
    which are not to be changed. ``stored`` gives what is kept outside of the pickle.

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
        if name in VALUES or (names and name in BYTES):
            stack.append(CONSTANTS.get(name, argument))
        elif names and name in NAMES:
            wanted = argument or " ".join(_last(stack, 2))
            if wanted not in names:
                raise Refused(f"{wanted} at byte {place} is unknown and could run code")
            stack.append(names[wanted])
        elif names and name in CALLS:
            CALLS[name](stack)
        elif stored and name == "BINPERSID":
            stack.append(stored(*_last(stack, 1)))
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


class _Kind:
    """A type of numbers, before and after its byte order is known."""

    def __init__(self, *given: Any) -> None:
        if not isinstance(given[0], str) or not NUMBERS.fullmatch(given[0]):
            raise Refused(f"an array of {given[0]!r} could run code")
        self.dtype = np.dtype(given[0])

    def fill(self, state: Any) -> None:
        _, order, *inside = state[:5]
        if order not in ("<", ">", "=", "|") or any(
            part is not None for part in inside
        ):
            raise Refused("an array of records could run code")
        self.dtype = self.dtype.newbyteorder(order)


def _empty(*_: Any) -> np.ndarray:
    """An array that is filled later."""
    return np.zeros(0, np.uint8)


def _fill(array: np.ndarray, state: Any) -> None:
    if array.size or array.dtype != np.uint8:
        raise TypeError("an array that is filled twice")
    _, shape, kind, by_columns, data = state
    if isinstance(data, str):  # Python 2 has no bytes of its own
        data = data.encode("latin1")
    if not isinstance(data, bytes):
        raise TypeError("an array without numbers")
    given = 1, _shape(shape), _dtype(kind), bool(by_columns), data
    array.__setstate__(given)  # type: ignore[arg-type]


def _of_buffer(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    flat = np.frombuffer(data, _dtype(kind))
    return flat.reshape(_shape(shape), order="F" if order == "F" else "C")


def _encode(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise TypeError("bytes in another encoding than latin1")
    return text.encode("latin1")


def _no_bytes(*given: Any) -> bytes:
    """How it writes none of them."""
    if given:
        raise TypeError("bytes of something")
    return b""


def _shape(given: Any) -> tuple[int, ...]:
    if not isinstance(given, tuple) or not all(
        type(n) is int and n >= 0 for n in given
    ):
        raise TypeError(f"the shape {given!r}")
    return given


def _dtype(kind: Any) -> np.dtype[Any]:
    if not isinstance(kind, _Kind):
        raise TypeError("an array without a type")
    return kind.dtype


class Name:
    """A name that is known, and what is made of the values after it."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make


NUMPY: dict[str, Name] = {
    "numpy ndarray": Name(_empty),
    "numpy dtype": Name(_Kind),
    "_codecs encode": Name(_encode),
    "__builtin__ bytes": Name(_no_bytes),
    **{
        f"numpy.{core}.{name}": Name(make)
        for core in ("core", "_core")
        for name, make in (
            ("multiarray _reconstruct", _empty),
            ("numeric _frombuffer", _of_buffer),
        )
    },
}
"""By module and name, as numpy writes them."""


def _reduce(stack: list[Any]) -> None:
    name, given = _last(stack, 2)
    if not isinstance(name, Name) or not isinstance(given, tuple):
        raise TypeError("a call of what is no name")
    stack.append(name.make(*given))


def _build(stack: list[Any]) -> None:
    (state,) = _last(stack, 1)
    if isinstance(stack[-1], dict) and isinstance(state, dict):
        return  # attributes of a dictionary, which are none of its entries
    if not isinstance(state, tuple):
        raise TypeError("a state that is no tuple")
    if isinstance(stack[-1], _Kind):
        stack[-1].fill(state)
    elif isinstance(stack[-1], np.ndarray):
        _fill(stack[-1], state)
    else:
        raise TypeError("a state for what has none")


CALLS: dict[str, Callable[[list[Any]], None]] = {"REDUCE": _reduce, "BUILD": _build}
"""By opcode, as ``BUILDS``."""
