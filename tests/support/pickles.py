"""Pickles that run code, and pickles as Python 2 wrote them."""

from pathlib import Path
from typing import Any


class Runs:
    """Makes a file when Python's own unpickler reads it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def python_2(data: bytes, kind: bytes = b"f4") -> bytes:
    """A pickle of protocol 2 of an array (2, 3), as Python 2 and its numpy write it."""
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01"
        b"K\x00\x85q\x02U\x01bq\x03\x87q\x04Rq\x05(K\x01K\x02K\x03\x86q\x06"
        b"cnumpy\ndtype\nq\x07U" + bytes([len(kind)]) + kind + b"q\x08K\x00K\x01"
        b"\x87q\tRq\n(K\x03U\x01<q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq"
        b"\x0cb\x89T" + len(data).to_bytes(4, "little") + data + b"q\rtq\x0eb."
    )
