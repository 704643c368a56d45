"""The video files of a folder, and what tells that one has changed."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

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
    def of(cls, path: "Path | os.DirEntry[str]") -> "State":
        state = path.stat()
        return cls(state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Scan:
    """By path relative to the folder, with / between the names."""

    files: dict[str, State]
    unreadable: dict[str, str]
    """Folders and files that cannot be read, with the reason."""

    def hides(self, path: str) -> bool:
        """Whether a file is, or is in, what cannot be read now."""
        parents = [path[:i] for i, letter in enumerate(path) if letter == "/"]
        return not self.unreadable.keys().isdisjoint([path, *parents])


def scan(root: Path) -> Scan:
    """All video files in a folder and in those below it, also through links.

    Hidden files and folders are left out, and so is a folder that was seen before or that
    holds ``root``, as a link may lead back. Raises ``InputError`` if ``root`` is not a
    readable folder.
    """
    _check(root)
    found = Scan({}, {})
    seen = {*_identities(root.resolve().parents)}
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            state = folder.stat()
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if folder == root:
                raise _unreadable(root, error) from error
            found.unreadable[_name(root, folder)] = _why(error)
            continue
        if (state.st_dev, state.st_ino) not in seen:
            seen.add((state.st_dev, state.st_ino))
            waiting += [*_folders(root, entries, found)][::-1]
    return found


def is_transport_stream(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == bytes([TRANSPORT])


def _check(root: Path) -> None:
    try:
        is_folder = S_ISDIR(root.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{root} does not exist; give a folder of videos") from None
    except OSError as error:
        raise _unreadable(root, error) from error
    if not is_folder:
        raise InputError(f"{root} is a file; give a folder of videos")


def _folders(
    root: Path, entries: Iterable["os.DirEntry[str]"], found: Scan
) -> Iterator[Path]:
    """The folders among the entries of one; its videos are put into ``found``."""
    for entry in entries:
        path = Path(entry.path)
        if is_hidden(path):
            continue
        is_film = path.suffix.lower() in FILMS
        try:
            if entry.is_dir():
                yield path
            elif is_film and entry.is_file():
                _add(root, path, State.of(entry), found)
        except FileNotFoundError:
            pass  # removed meanwhile
        except OSError as error:
            # A link that leads to itself is no file and no folder.
            if is_film or error.errno != errno.ELOOP:
                found.unreadable[_name(root, path)] = _why(error)


def _add(root: Path, path: Path, state: State, found: Scan) -> None:
    name = _name(root, path)
    if not os.access(path, os.R_OK):
        found.unreadable[name] = os.strerror(errno.EACCES)
    elif path.suffix.lower() != ".ts" or is_transport_stream(path):
        found.files[name] = state


def _identities(folders: Iterable[Path]) -> Iterator[tuple[int, int]]:
    for folder in folders:
        with suppress(OSError):
            state = folder.stat()
            yield state.st_dev, state.st_ino


def _unreadable(root: Path, error: OSError) -> InputError:
    return InputError(f"{root} cannot be read ({_why(error)}); allow access to it")


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
