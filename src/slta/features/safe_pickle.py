"""Pickles of plain values: lists, tuples, dictionaries, strings and numbers.

Python's own unpickler can run arbitrary code. This one accepts only the opcodes of plain
values: names, calls and objects are refused before anything happens. For arrays, it also
accepts the few names in numpy's pickles of numbers, or other given names; none of them is
imported.
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
"""Opcodes of the file's encoding, without content."""
_MARK = object()
BYTES = frozenset("BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split())
NAMES = frozenset(("GLOBAL", "STACK_GLOBAL"))
NUMBERS = re.compile(r"[biufc]\d{1,2}|[?bBhHiIlLqQefdg]")
"""Numpy's names of numeric types."""


class Refused(ValueError):
    """An opcode other than those of plain values."""


def load(path: Path, *, names: Mapping[str, Any] | None = None) -> Any:
    """Loads a pickle. Raises ``InputError`` for a damaged file, or other content."""
    with as_input_errors(path), path.open("rb") as file:
        return loads(file, names=names)


@contextmanager
def as_input_errors(path: Path) -> Iterator[None]:
    """Turns errors of reading a file into ``InputError``."""
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
        raise InputError(f"{path} is damaged ({problem}); get the file again") from None


def loads(
    data: bytes | BinaryIO,
    *,
    names: Mapping[str, Any] | None = None,
    stored: Callable[[Any], Any] | None = None,
) -> Any:
    """Plain values and, with ``names``, objects made by these: with ``NUMPY``, read-only
    arrays of numbers. ``stored`` resolves persistent ids.

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
                f"{name} at byte {place} is not a plain value and could run code"
            )
    raise ValueError("no end")


def _place(argument: Any) -> int:
    """Index in the memo; older protocols write it as text."""
    return int(argument)


def _marked(stack: list[Any]) -> list[Any]:
    """Pops the values above the last mark, and the mark."""
    start = len(stack) - 1
    while stack[start] is not _MARK:
        if not start:
            raise ValueError("no mark")
        start -= 1
    values = stack[start + 1 :]
    del stack[start:]
    return values


def _last(stack: list[Any], count: int) -> list[Any]:
    """Pops ``count`` values."""
    values = stack[len(stack) - count :]
    if len(values) < count or any(value is _MARK for value in values):
        raise ValueError("too few values")
    del stack[len(stack) - count :]
    return values


def _extend(stack: list[Any], values: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise TypeError("append to what is not a list")
    stack[-1].extend(values)


def _update(stack: list[Any], values: list[Any]) -> None:
    if not isinstance(stack[-1], dict):
        raise TypeError("entries for what is not a dictionary")
    stack[-1].update(_entries(values))


def _entries(values: list[Any]) -> dict[Any, Any]:
    # Hashing deeply nested tuples could overflow the stack.
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
"""Operations on the stack, by opcode."""


class _Kind:
    """A numeric type; its byte order may be set later."""

    def __init__(self, *arguments: Any) -> None:
        if not isinstance(arguments[0], str) or not NUMBERS.fullmatch(arguments[0]):
            raise Refused(f"an array of {arguments[0]!r} could run code")
        self.dtype = np.dtype(arguments[0])

    def fill(self, state: Any) -> None:
        _, order, *inside = state[:5]
        if order not in ("<", ">", "=", "|") or any(
            part is not None for part in inside
        ):
            raise Refused("an array of records could run code")
        self.dtype = self.dtype.newbyteorder(order)


def _empty(*_: Any) -> np.ndarray:
    """An empty array that ``_fill`` fills later."""
    return np.zeros(0, np.uint8)


def _fill(array: np.ndarray, state: Any) -> None:
    if array.size or array.dtype != np.uint8:
        raise TypeError("an array that is filled twice")
    _, shape, kind, by_columns, data = state
    if isinstance(data, str):  # Python 2 has no bytes of its own
        data = data.encode("latin1")
    if not isinstance(data, bytes):
        raise TypeError("an array without numbers")
    content = 1, _shape(shape), _dtype(kind), bool(by_columns), data
    array.__setstate__(content)  # type: ignore[arg-type]


def _of_buffer(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    flat = np.frombuffer(data, _dtype(kind))
    return flat.reshape(_shape(shape), order="F" if order == "F" else "C")


def _encode(text: Any, encoding: Any) -> bytes:
    """Bytes, as Python 3 writes them for Python 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise TypeError("bytes in another encoding than latin1")
    return text.encode("latin1")


def _no_bytes(*arguments: Any) -> bytes:
    """Empty bytes, as Python 3 writes them for Python 2."""
    if arguments:
        raise TypeError("bytes of something")
    return b""


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or not all(
        type(n) is int and n >= 0 for n in value
    ):
        raise TypeError(f"the shape {value!r}")
    return value


def _dtype(kind: Any) -> np.dtype[Any]:
    if not isinstance(kind, _Kind):
        raise TypeError("an array without a type")
    return kind.dtype


class Attributes(dict[str, Any]):
    """Attributes of an object, as plain values."""


class Name:
    """An accepted name, with a function of its arguments."""

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
"""Names in numpy's pickles."""


def _reduce(stack: list[Any]) -> None:
    name, arguments = _last(stack, 2)
    if not isinstance(name, Name) or not isinstance(arguments, tuple):
        raise TypeError("a call of what is not a name")
    stack.append(name.make(*arguments))


def _build(stack: list[Any]) -> None:
    (state,) = _last(stack, 1)
    if isinstance(stack[-1], dict) and isinstance(state, dict):
        if isinstance(stack[-1], Attributes):
            stack[-1].update(state)
        return  # attributes of a dictionary are not entries
    if not isinstance(state, tuple):
        raise TypeError("a state that is not a tuple")
    if isinstance(stack[-1], _Kind):
        stack[-1].fill(state)
    elif isinstance(stack[-1], np.ndarray):
        _fill(stack[-1], state)
    else:
        raise TypeError("a state for what has none")


CALLS: dict[str, Callable[[list[Any]], None]] = {
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "BUILD": _build,
}
"""Operations that need names, by opcode."""
