"""Features on disk: a folder of arrays for each video and extractor.

    ROOT/store.json                        version of the format
    ROOT/videos/DIGEST/RECORD/record.json  facts: extractor, rate, video
    ROOT/videos/DIGEST/RECORD/NAME.npy     arrays, memory-mapped when read
    ROOT/paths/…                           digests of known files

A record is written under a temporary name and renamed, so that it is complete or absent.
"""

import errno
import hashlib
import json
import os
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Shaped

from slta.errors import InputError, UnwritableError
from slta.files import home, read_object, whole_folder, write_whole

FORMAT = 1
HEADER = 128
"""Bytes reserved for an array's header, which is written last."""


class Record:
    """Arrays and facts, as read from the store."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder = folder
        self.digest = digest
        facts = folder / "record.json"
        self.facts: dict[str, Any] = _read_json(facts)
        self.arrays: dict[str, Shaped[np.ndarray, ...]] = {}
        shapes = self.facts.get("arrays")
        if not isinstance(shapes, dict):
            raise _damaged(facts, "it names no arrays")
        for name, shape in shapes.items():
            path = folder / f"{name}.npy"
            array = _mapped(path)
            if list(array.shape) != shape:
                problem = f"its shape is {list(array.shape)}, its record says {shape}"
                raise _damaged(path, problem)
            self.arrays[name] = array


class Writer:
    """Writes a record in pieces; arrays grow along their first axis."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root
        self._files: dict[str, BinaryIO] = {}
        self._shapes: dict[str, list[int]] = {}
        self._types: dict[str, np.dtype[Any]] = {}

    def append(self, arrays: Mapping[str, Shaped[np.ndarray, "..."]]) -> None:
        with _writing(self._root):
            for name, rows in arrays.items():
                if name not in self._files:
                    self._begin(name, rows)
                size, expected = list(rows.shape[1:]), self._shapes[name][1:]
                if size != expected:
                    raise ValueError(f"rows of {name} are {expected}, then {size}")
                self._shapes[name][0] += len(rows)
                rows = np.ascontiguousarray(rows, self._types[name])
                self._files[name].write(rows.data)

    def _begin(self, name: str, rows: Shaped[np.ndarray, "..."]) -> None:
        if rows.dtype.hasobject:
            raise ValueError(f"{name} holds objects, which cannot be stored")
        self._files[name] = (self._folder / f"{name}.npy").open("wb")
        self._files[name].write(bytes(HEADER))
        self._shapes[name] = [0, *rows.shape[1:]]
        self._types[name] = rows.dtype.newbyteorder("<")

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Writes the headers and ``facts``."""
        for name, file in self._files.items():
            file.seek(0)
            file.write(_header(self._shapes[name], self._types[name]))
            file.close()
        text = json.dumps({**facts, "arrays": self._shapes}, indent=1)
        (self._folder / "record.json").write_text(text, encoding="utf-8")

    def discard(self) -> None:
        """Closes open files; their content may be lost."""
        for file in self._files.values():
            with suppress(OSError):
                file.close()


class Store:
    """Reads and writes records; its only state is the folder."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or home() / "store"
        stamp = self.root / "store.json"
        if not os.path.exists(stamp):
            with _writing(self.root):
                write_whole(stamp, json.dumps({"format": FORMAT}))
        try:
            version = read_object(stamp).get("format")
        except (OSError, ValueError) as error:
            raise InputError(
                f"{stamp} cannot be read ({error}); choose another folder with "
                "--store, or remove this one if it is a store"
            ) from error
        if version != FORMAT:
            raise InputError(
                f"the store {self.root} has format {version!r}, this program reads "
                f"{FORMAT}; choose another folder with --store, or remove this one"
            )

    def digest(self, *files: Path) -> str:
        """SHA-256 of the files' content, remembered for unchanged files."""
        memo, now = self._memo(files)
        if (remembered := _remembered(memo, now)) is not None:
            return remembered
        digests = [_digest(file) for file in files]
        digest = digests[0]
        if len(digests) > 1:
            named = zip(files, digests, strict=True)
            lines = "".join(f"{file.name} {value}\n" for file, value in named)
            digest = hashlib.sha256(os.fsencode(lines)).hexdigest()
        # Only a cache: a read-only or full store is no error.
        with suppress(OSError):
            write_whole(memo, json.dumps({"state": now, "digest": digest}))
        return digest

    def remembered(self, *files: Path) -> str | None:
        """The digest of known, unchanged files; None for others. Reads no file."""
        return _remembered(*self._memo(files))

    def _memo(self, files: Sequence[Path]) -> tuple[Path, list[int]]:
        """Path of the files' cached digest, and the state that shows changes."""
        seen = hashlib.sha256(b"\0".join(os.fsencode(f.resolve()) for f in files))
        # The change time (ctime) tells a replaced file even if its mtime is the same.
        states = [file.stat() for file in files]
        now = [n for s in states for n in (s.st_size, s.st_mtime_ns, s.st_ctime_ns)]
        return self.root / "paths" / f"{seen.hexdigest()}.json", now

    def read(self, digest: str, *names: str) -> Record | None:
        """The record of that name (and subfolders), or None."""
        folder = self._folder(digest, names)
        return Record(folder, digest) if os.path.exists(folder) else None

    @contextmanager
    def write(
        self, digest: str, *names: str, facts: dict[str, Any]
    ) -> Iterator[Writer]:
        """A writer; the record is kept only if the block succeeds.

        ``facts`` are written at the end, so the block may add to them.
        """
        with ExitStack() as stack:
            with _writing(self.root):
                folder = stack.enter_context(whole_folder(self._folder(digest, names)))
            writer = Writer(folder, self.root)
            stack.callback(writer.discard)
            yield writer
            with _writing(self.root):
                writer.finish(facts)
                stack.close()

    def _folder(self, digest: str, names: tuple[str, ...]) -> Path:
        return (self.root / "videos" / digest[:32]).joinpath(*map(_safe, names))


@contextmanager
def trusted(record: Record) -> Iterator[None]:
    """Raises ``InputError`` with the remedy for an incomplete record."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the record {record.folder} is damaged ({error}); "
            f"remove the folder {record.folder} to have it made again"
        ) from error


def _remembered(memo: Path, now: list[int]) -> str | None:
    with suppress(OSError, ValueError):
        entry = read_object(memo)
        if entry.get("state") == now and isinstance(entry.get("digest"), str):
            return str(entry["digest"])
    return None


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _safe(name: str) -> str:
    """A name valid on any file system; different names stay different."""
    safe = "".join(c if c.isalnum() or c in "-_.@" else "_" for c in name)
    if safe == name and safe.strip("."):
        return name
    return f"{safe}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    """Raises ``UnwritableError`` with the remedy for a full or read-only disk."""
    try:
        yield
    except OSError as error:
        raise UnwritableError(
            f"the store {root} cannot be written ({error.strerror or error}); "
            "make room there, or choose another folder with --store"
        ) from error


def _mapped(path: Path) -> np.memmap[Any, np.dtype[Any]]:
    """A memory-mapped array; each keeps a file open, so the limit may be raised."""
    try:
        try:
            return np.lib.format.open_memmap(path, mode="r")
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, TokenError) as error:
        if isinstance(error, OSError) and error.errno == errno.EMFILE:
            raise InputError(
                f"{path} cannot be opened beside {hard} other files; allow more open "
                "files, as with 'ulimit -n'"
            ) from error
        raise _damaged(path, error) from error


def _header(shape: list[int], kind: np.dtype[Any]) -> bytes:
    description = {"descr": kind.str, "fortran_order": False, "shape": tuple(shape)}
    magic = np.lib.format.magic(1, 0)
    room = HEADER - len(magic) - 2
    text = repr(description).ljust(room - 1) + "\n"
    if len(text) != room:
        raise ValueError(f"the shape {shape} does not fit an array's header")
    return magic + room.to_bytes(2, "little") + text.encode("latin1")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, problem: object) -> InputError:
    """The error for a damaged file of a record."""
    if isinstance(problem, PermissionError):
        return InputError(f"{path} may not be read; have its owner allow it")
    problem = " ".join(str(problem).split())
    return InputError(
        f"{path} cannot be read ({problem}); "
        f"remove the folder {path.parent} to have it made again"
    )
