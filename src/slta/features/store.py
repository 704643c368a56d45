"""Features on disk: one folder of arrays for each video and extractor.

    ROOT/store.json                        the format of what lies below
    ROOT/videos/DIGEST/RECORD/record.json  what was made, with what
    ROOT/videos/DIGEST/RECORD/NAME.npy     memory-mapped when read
    ROOT/paths/…                           digests of files seen before

A record appears whole or not at all: it is filled under another name and renamed.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Shaped

from slta.errors import InputError
from slta.folders import home, whole_folder

FORMAT = 1
HEADER = 128
"""Bytes that an array's header may take, so that it can be written last."""


class Record:
    """Arrays and facts that belong together, as read from the store."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.folder = folder
        self.digest = digest
        self.facts: dict[str, Any] = _read_json(folder / "record.json")
        self.arrays: dict[str, Shaped[np.ndarray, ...]] = {}
        for name, shape in self.facts["arrays"].items():
            path = folder / f"{name}.npy"
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"{path} cannot be read ({error}); "
                    f"remove the folder {folder} to have it made again"
                ) from error
            if list(array.shape) != shape:
                raise InputError(
                    f"{path} has shape {list(array.shape)}, its record says {shape}; "
                    f"remove the folder {folder} to have it made again"
                )
            self.arrays[name] = array


class Writer:
    """Takes a record's rows as they come; all arrays grow along their first axis."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._shapes: dict[str, list[int]] = {}
        self._types: dict[str, np.dtype[Any]] = {}

    def append(self, arrays: Mapping[str, Shaped[np.ndarray, "..."]]) -> None:
        for name, rows in arrays.items():
            if name not in self._files:
                self._files[name] = (self._folder / f"{name}.npy").open("wb")
                self._files[name].write(bytes(HEADER))
                self._shapes[name] = [0, *rows.shape[1:]]
                self._types[name] = rows.dtype.newbyteorder("<")
            self._shapes[name][0] += len(rows)
            self._files[name].write(np.ascontiguousarray(rows, self._types[name]).data)

    def close(self, facts: Mapping[str, Any] | None) -> None:
        """Writes the headers and ``facts``; without facts, only closes the files."""
        for name, file in self._files.items():
            with file:
                if facts is not None:
                    file.seek(0)
                    file.write(_header(self._shapes[name], self._types[name]))
        if facts is not None:
            text = json.dumps({**facts, "arrays": self._shapes}, indent=1)
            (self._folder / "record.json").write_text(text)


class Store:
    """Reads and writes records. A ``Store`` holds no state but its folder."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or home() / "store"
        stamp = self.root / "store.json"
        if not stamp.exists():
            with self._told_apart():
                self.root.mkdir(parents=True, exist_ok=True)
                stamp.write_text(json.dumps({"format": FORMAT}))
        found = _read_json(stamp).get("format")
        if found != FORMAT:
            raise InputError(
                f"the store {self.root} has format {found!r}, this program reads "
                f"{FORMAT}; choose another folder with --store, or remove this one"
            )

    def digest(self, video: Path) -> str:
        """The SHA-256 of the file's content; a file seen before is not read again."""
        state = video.stat()
        seen = hashlib.sha256(str(video.resolve()).encode()).hexdigest()
        memo = self.root / "paths" / f"{seen}.json"
        now = {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
        if memo.exists():
            known = _read_json(memo)
            if {key: known.get(key) for key in now} == now:
                return str(known["digest"])
        with open(video, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with self._told_apart():
            memo.parent.mkdir(exist_ok=True)
            unfinished = memo.with_suffix(f".{os.getpid()}")
            unfinished.write_text(json.dumps({**now, "digest": digest}))
            unfinished.replace(memo)
        return digest

    def read(self, digest: str, name: str) -> Record | None:
        folder = self._folder(digest, name)
        return Record(folder, digest) if folder.exists() else None

    @contextmanager
    def write(self, digest: str, name: str, facts: dict[str, Any]) -> Iterator[Writer]:
        """A writer whose record is kept only if the block ends without an error.

        ``facts`` are read at the end, so the block may still add to them.
        """
        with self._told_apart(), whole_folder(self._folder(digest, name)) as folder:
            writer = Writer(folder)
            done = False
            try:
                yield writer
                done = True
            finally:
                writer.close(facts if done else None)

    def _folder(self, digest: str, name: str) -> Path:
        safe = "".join(c if c.isalnum() or c in "-_.@" else "_" for c in name)
        if safe != name:
            safe += "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
        return self.root / "videos" / digest[:32] / safe

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """Says of a full or forbidden disk what to do about it."""
        try:
            yield
        except OSError as error:
            raise InputError(
                f"the store {self.root} cannot be written ({error.strerror or error}); "
                "make room there, or choose another folder with --store"
            ) from error


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
        content = json.loads(path.read_text())
        if isinstance(content, dict):
            return content
        problem = "not an object"
    except (OSError, ValueError) as error:
        problem = str(error)
    raise InputError(
        f"{path} cannot be read ({problem}); "
        f"remove the folder {path.parent} to have it made again"
    )
