"""Reads tensors that torch saved, without importing torch, which takes seconds, and without
running code.

Before version 1.6, a file is a sequence of pickles, with each tensor's name, offset and
shape, followed by the numbers; since then a zip archive of one pickle, and of the numbers.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
from jaxtyping import Shaped

from slta.features.safe_pickle import Attributes, Name, as_input_errors, loads

MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True, slots=True)
class _Storage:
    """A block of numbers at the end of the file."""

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    first: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]
    """Strides, in numbers."""

    def of(self, numbers: Mapping[str, bytes]) -> np.ndarray:
        kind, data = self.storage.dtype, numbers[self.storage.key]
        strides = [step * kind.itemsize for step in self.steps]
        # Raises if it does not lie within the data.
        return np.ndarray(self.shape, kind, data, self.first * kind.itemsize, strides)


def load(path: Path) -> Mapping[str, Shaped[np.ndarray, "..."]]:
    """The tensors of a state_dict by name, read-only.

    Raises ``InputError`` for a file that is damaged or has other content.
    """
    with as_input_errors(path), path.open("rb") as file:
        if loads(file) != MAGIC:
            raise ValueError("not a file of torch's older format")
        for _ in ("version of the format", "sizes of numbers"):
            loads(file)
        found = loads(file, names=NAMES, stored=_stored)
        if not isinstance(found, dict) or not all(
            isinstance(tensor, _Tensor) for tensor in found.values()
        ):
            raise TypeError("not only tensors by name")
        storages = {tensor.storage.key: tensor.storage for tensor in found.values()}
        numbers = {key: _numbers(file, storages[key]) for key in loads(file)}
        return {name: tensor.of(numbers) for name, tensor in found.items()}


def load_checkpoint(
    path: Path, weights: str
) -> tuple[Mapping[str, Shaped[np.ndarray, "..."]], Mapping[str, Any]]:
    """The tensors under a key of a zip archive of torch, and the other entries. Objects with
    options become dictionaries, other tensors are not read.

    Raises ``InputError`` for a file that is damaged or has other content.
    """
    with as_input_errors(path):
        try:
            with ZipFile(path) as archive:
                return _read(archive, weights)
        except (
            BadZipFile,
            EOFError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
        ) as e:
            raise ValueError(f"not a whole file of torch.save: {e}") from None


def _read(
    archive: ZipFile, weights: str
) -> tuple[Mapping[str, Shaped[np.ndarray, "..."]], Mapping[str, Any]]:
    if any(info.compress_type != ZIP_STORED for info in archive.infolist()):
        raise TypeError("compressed, which torch.save never does")
    files = {name.partition("/")[2]: name for name in archive.namelist()}
    if "byteorder" in files and archive.read(files["byteorder"]) != b"little":
        raise TypeError("of another byte order")
    if "data.pkl" not in files:
        raise ValueError("not a file of torch.save: it has no data.pkl")
    names = {**NAMES, **OPTIONS}
    found = loads(archive.read(files["data.pkl"]), names=names, stored=_stored)
    if not isinstance(found, dict) or not isinstance(found.get(weights), dict):
        raise TypeError(f"without {weights}")
    tensors: dict[str, np.ndarray] = {}
    for name, tensor in found.pop(weights).items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise TypeError(f"not only tensors by name in {weights}")
        key = tensor.storage.key
        data = archive.read(files[f"data/{key}"])
        if prod(tensor.shape) * tensor.storage.dtype.itemsize > len(data):
            raise ValueError(f"{name} has too few numbers")
        tensors[name] = tensor.of({key: data})
    return tensors, found


def _numbers(file: BinaryIO, storage: _Storage) -> bytes:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(storage.count * storage.dtype.itemsize)
    if count != storage.count or len(data) < count * storage.dtype.itemsize:
        raise ValueError("it ends too early")
    return data


def _stored(reference: Any) -> _Storage:
    """The storage of a persistent id, which torch writes in place of numbers."""
    what, dtype, key, _, count, *view = reference
    if what != "storage" or not isinstance(dtype, np.dtype) or any(view):
        raise TypeError("a reference to something that is not a storage")
    return _Storage(key, dtype, count)


def _tensor(storage: Any, first: Any, shape: Any, steps: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise TypeError("a tensor without numbers")
    return _Tensor(storage, first, shape, steps)


NAMES: Mapping[str, Any] = MappingProxyType(
    {
        "collections OrderedDict": Name(lambda: {}),
        "torch._utils _rebuild_tensor_v2": Name(_tensor),
        "torch FloatStorage": np.dtype("<f4"),
        "torch LongStorage": np.dtype("<i8"),
    }
)
"""Replacements of torch's names, by module and name."""
OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "argparse Namespace": Name(Attributes),
        "easydict EasyDict": Name(lambda: {}),
        "torch device": Name(lambda *parts: ":".join(map(str, parts))),
        "torch DoubleStorage": np.dtype("<f8"),
        "torch HalfStorage": np.dtype("<f2"),
        "torch IntStorage": np.dtype("<i4"),
        "torch BoolStorage": np.dtype("?"),
    }
)
"""Names in checkpoints, with the options and the state of the optimizer."""
