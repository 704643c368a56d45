"""Arrays in numpy's format, read some rows at a time."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from slta.features.layouts.base import ROWS, Array, Faults

OBJECTS = (
    "holds an array of objects, which could run code and was not read",
    "make it again with arrays of numbers",
)


@runtime_checkable
class Readable(Protocol):
    """A file, or one in an archive."""

    def read(self, size: int = -1, /) -> bytes: ...


class Header(NamedTuple):
    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]


def header(file: Readable) -> Header:
    """Reads up to the first number. Raises ``Faults`` for an array of objects."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        found = Header(*np.lib.format.read_array_header_1_0(file))
    elif version == (2, 0):
        found = Header(*np.lib.format.read_array_header_2_0(file))
    else:
        raise ValueError(f"version {version} of numpy's format")
    if found.dtype.hasobject:
        raise Faults(OBJECTS)
    return found


def rows(file: Readable, given: Header, each: int = ROWS) -> Iterator[Array]:
    """What follows the header, ``each`` rows at a time."""
    count = given.shape[0]
    if given.by_columns and len(given.shape) > 1:
        turned = _read(file, given.dtype, given.shape[::-1]).transpose()
        for start in range(0, count, each):
            yield turned[start : start + each]
        return
    for start in range(0, count, each):
        n = min(each, count - start)
        yield _read(file, given.dtype, (n, *given.shape[1:]))


def _read(file: Readable, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    wanted = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    data = file.read(wanted)
    if len(data) != wanted:
        raise EOFError("it ends too early")
    return np.frombuffer(data, dtype).reshape(shape)
