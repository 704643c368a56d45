"""Arrays in numpy's .npy format, read in pieces."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from slta.features.layouts.base import ROWS, Array, Faults

OBJECTS = (
    "holds an array of Python objects, which could run code and was not read",
    "make it again with arrays of numbers",
)


@runtime_checkable
class Readable(Protocol):
    """An open file, or a member of an archive."""

    def read(self, size: int = -1, /) -> bytes: ...


class Header(NamedTuple):
    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype[Any]


def header(file: Readable) -> Header:
    """Reads the header. Raises ``Faults`` for an array of Python objects."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        head = Header(*np.lib.format.read_array_header_1_0(file))
    elif version == (2, 0):
        head = Header(*np.lib.format.read_array_header_2_0(file))
    else:
        raise ValueError(f"version {version} of numpy's format")
    if head.dtype.hasobject:
        raise Faults(OBJECTS)
    return head


def rows(file: Readable, head: Header, size: int = ROWS) -> Iterator[Array]:
    """The rows after the header, ``size`` at a time."""
    count = head.shape[0]
    if head.by_columns and len(head.shape) > 1:
        turned = _read(file, head.dtype, head.shape[::-1]).transpose()
        for start in range(0, count, size):
            yield turned[start : start + size]
        return
    for start in range(0, count, size):
        n = min(size, count - start)
        yield _read(file, head.dtype, (n, *head.shape[1:]))


def _read(file: Readable, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    wanted = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    data = file.read(wanted)
    if len(data) != wanted:
        raise EOFError("it ends too early")
    return np.frombuffer(data, dtype).reshape(shape)
