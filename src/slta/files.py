"""The program's own folder, and files that are written whole or not at all."""

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from unicodedata import combining, normalize

from slta.errors import InputError

UNFINISHED = re.compile(r"\.unfinished-(.*)-(\d+)-[0-9a-f]+")
"""Name of a file or folder in the making: the machine and the process that write it."""
ABANDONED_S = 24 * 60 * 60
"""Age at which an unfinished file of another machine counts as abandoned."""


def home() -> Path:
    """``$SLTA_HOME``, or ``slta`` in the user's cache folder."""
    if folder := os.environ.get("SLTA_HOME"):
        return Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "slta"


def data_home() -> Path:
    """``$SLTA_HOME``, or ``slta`` in the user's data folder: for what cannot be made anew."""
    if folder := os.environ.get("SLTA_HOME"):
        return Path(folder)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "slta"


def is_hidden(path: Path) -> bool:
    """Whether it is a hidden file or an editor's temporary file."""
    return path.name.startswith((".", "~$"))


def check_root(root: Path) -> None:
    """Raises ``InputError`` if the folder of a data set does not exist."""
    if not root.is_dir():
        raise InputError(
            f"{root} is not a folder; give the data set's folder with --root DIR"
        )


def check_writable(path: Path) -> None:
    """Raises ``InputError`` if the file cannot be written; writes nothing itself.

    Missing parent folders are no error: they can be made.
    """
    for name in path.parts:
        if len(os.fsencode(name)) > LONGEST:
            what = f"{name[:20]}… is longer than {LONGEST} bytes"
            raise InputError(f"{path} cannot be written: {what}; give a shorter name")
    there = path.absolute()
    if there.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    while not os.path.lexists(there):
        there = there.parent
    if there != path.absolute() and not there.is_dir():
        raise InputError(f"{path} cannot be written: {there} is a file; name a folder")
    folder = there if there.is_dir() else there.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        what = f"{folder} may not be written"
        raise InputError(f"{path} cannot be written: {what}; name another folder")


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder, renamed to ``target`` if the block succeeds, else removed.

    If another process made ``target`` meanwhile, that one is kept.
    """
    unfinished = _beside(target)
    unfinished.mkdir()
    try:
        yield unfinished
        try:
            unfinished.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary file, renamed to ``target`` if the block succeeds, else removed."""
    unfinished = _beside(target)
    try:
        yield unfinished
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises ``OSError`` or ``ValueError`` if it has none."""
    try:
        content = json.loads(path.read_bytes())
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def write_whole(target: Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    with whole_file(target) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _beside(target: Path) -> Path:
    """A new name in the target's folder; makes the folder, removes abandoned files."""
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(".unfinished-*"):
        if _abandoned(path):
            shutil.rmtree(path, ignore_errors=True)
            with suppress(OSError):
                path.unlink()
    # Not tempfile's, which only their owner may read: a store may be shared.
    who = f"{platform.node()}-{os.getpid()}"
    return folder / f".unfinished-{who}-{secrets.token_hex(8)}"


def _abandoned(path: Path) -> bool:
    """Whether the process that wrote it is gone."""
    name = UNFINISHED.fullmatch(path.name)
    if name is None:
        return False
    # On Windows, os.kill would stop the process.
    if name[1] == platform.node() and os.name == "posix":
        return not _alive(int(name[2]))
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > ABANDONED_S
    return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


LONGEST: Final = 255
"""Maximum bytes of a file name on common file systems."""
FILMS: Final = frozenset(
    ".264 .265 .3g2 .3gp .asf .avi .divx .f4v .flv .h264 .h265 .hevc .ivf .m1v "
    ".m2ts .m2v .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ogm .ogv .rm .rmvb .ts "
    ".vob .webm .wmv .y4m".split()
)
"""Suffixes of video files, in lower case."""


def composed(name: str) -> str:
    """A name in Unicode normal form C, so that names that look alike are equal.

    >>> composed("cafe\\u0301") == "caf\\u00e9"
    True
    """
    return normalize("NFC", name)


def fitted(stem: str, ending: str) -> str:
    """A file name from stem and ending; a stem that is too long is cut.

    A digest of the whole stem keeps cut names apart.
    """
    room = LONGEST - len(os.fsencode(ending))
    if len(os.fsencode(stem)) <= room:
        return stem + ending
    mark = "~" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    size = len(stem)
    # No accent is cut off its letter.
    while len(os.fsencode(stem[:size] + mark)) > room or combining(stem[size]):
        size -= 1
    return stem[:size] + mark + ending


def apart(names: Sequence[str]) -> list[str]:
    """The names, with numbers where they are equal up to case.

    >>> apart(["trip", "Trip", "car"])
    ['trip.1', 'Trip.2', 'car']
    """
    plain = [name.casefold() for name in names]
    numbered = [f"{name}.{i}" for i, name in enumerate(names, start=1)]
    found = [
        numbered[i] if plain.count(plain[i]) > 1 else names[i]
        for i in range(len(names))
    ]
    return found if len({name.casefold() for name in found}) == len(found) else numbered
