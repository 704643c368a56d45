"""The video files of a folder, and what tells that one has changed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slta.errors import InputError
from slta.files import FILMS, is_hidden

TRANSPORT = 0x47
"""First byte of an MPEG transport stream; other .ts files are usually TypeScript."""


@dataclass(frozen=True, slots=True)
class State:
    """Size and times of a file: while they stay, its content does."""

    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: Path) -> "State":
        state = path.stat()
        return cls(state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Scan:
    """By path relative to the folder, with / between the names."""

    files: dict[str, State]
    unreadable: dict[str, str]
    """Folders and files that cannot be read, with the reason."""


def scan(root: Path) -> Scan:
    """All video files in a folder and in those below it, also through links.

    Hidden files and folders are left out, and so is a folder that was seen before, as a
    link may lead back. Raises ``InputError`` if ``root`` is not a readable folder.
    """
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        raise InputError(f"{root} {what}; give a folder of videos")
    found = Scan({}, {})
    seen = set[tuple[int, int]]()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            state = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder == root:
                raise InputError(
                    f"{root} may not be read; have its owner allow it"
                ) from error
            found.unreadable[_name(root, folder)] = error.strerror or str(error)
            continue
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        waiting += _folders(entries)
        for path in _films(entries):
            try:
                if is_film(path):
                    found.files[_name(root, path)] = State.of(path)
            except OSError as error:
                found.unreadable[_name(root, path)] = error.strerror or str(error)
    return found


def is_film(path: Path) -> bool:
    """Whether a file's name, and if that is not enough its content, is a video's."""
    if path.suffix.lower() not in FILMS or is_hidden(path):
        return False
    if path.suffix.lower() != ".ts":
        return True
    with path.open("rb") as file:
        return file.read(1) == bytes([TRANSPORT])


def _folders(entries: list[os.DirEntry[str]]) -> list[Path]:
    return [
        Path(entry.path)
        for entry in reversed(entries)
        if not is_hidden(Path(entry.path)) and entry.is_dir()
    ]


def _films(entries: list[os.DirEntry[str]]) -> Iterator[Path]:
    for entry in entries:
        path = Path(entry.path)
        if path.suffix.lower() in FILMS and not is_hidden(path) and entry.is_file():
            yield path


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
