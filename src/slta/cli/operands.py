"""Which arguments of ``slta search`` are videos, which a folder, and which queries."""

import os
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from slta.errors import InputError
from slta.files import FILMS

if TYPE_CHECKING:
    from slta.features.provider import Provider

SUFFIX = re.compile(r".\.[A-Za-z][A-Za-z0-9]{1,4}$")
"""The suffix of a file name, in a word without spaces."""
SUFFIXES = FILMS | frozenset(
    ".gif .heic .jpeg .jpg .png .webp .aac .flac .m4a .mp3 .ogg .opus .wav .csv .json "
    ".jsonl .part .pdf .srt .txt .vtt .zip".split()
)
"""Suffixes that no sentence ends with."""


class Operands(NamedTuple):
    """Distinct videos and queries."""

    videos: list[Path]
    queries: list[str]


def operands(words: Sequence[str], library: "Provider") -> Operands:
    """Separates files from sentences, in any order.

    Raises ``InputError`` for a URL, a folder, and a missing file.
    """
    videos, queries = list[Path](), list[str]()
    for word in words:
        if (path := _video(word, library)) is None:
            queries.append(word)
        else:
            videos.append(path)
    if not videos and queries and library.listed() is not None:
        # The id of a video with pre-extracted features may look like a query.
        library.check(Path(queries[0]))
    if not videos:
        raise InputError('no video given; give its file: slta search FILE "a sentence"')
    if not queries:
        raise InputError(
            "no query given; describe in a sentence what happens, which must not be the "
            "name of a file"
        )
    return Operands([*dict.fromkeys(videos)], [*dict.fromkeys(queries)])


def looks_like_file(word: str) -> bool:
    """Whether an argument is meant as a file, existing or not.

    >>> [looks_like_file(word) for word in ("trip.mp4", "to/trip", "my trip.mov")]
    [True, True, True]
    >>> [looks_like_file(word) for word in ("a cat.", "cats and/or dogs", "2.5 m high")]
    [False, False, False]
    """
    path = Path(word)
    if path.suffix.lower() in SUFFIXES:
        return True
    if any(letter.isspace() for letter in word):
        return path.parent != Path() and path.parent.is_dir()
    return path.parent != Path() or bool(SUFFIX.search(word))


def nearest(path: Path, there: Callable[[Path], bool] = Path.is_file) -> Path | None:
    """The file with the most similar name; the folder's name may be misspelt as well."""
    folder: Path | None = path.parent
    if folder == path:
        return None
    if not path.parent.is_dir():
        folder = nearest(path.parent, Path.is_dir)
    if folder is None or not os.access(folder, os.R_OK):
        return None
    names = {_plain(name): folder / name for name in sorted(os.listdir(folder))}
    near = get_close_matches(_plain(path.name), names, n=9)
    return next((names[name] for name in near if there(names[name])), None)


def _video(word: str, library: "Provider") -> Path | None:
    """The video that an argument names, or None for a query."""
    from slta.video.opening import is_address

    if not word:
        return None
    path = Path(word)
    try:
        library.check(path)
    except InputError as error:
        if os.path.lexists(word):
            return path  # reported later, without stopping the other videos
        if is_address(word):
            raise InputError(
                f"{word} is an address; download it, and give the file"
            ) from error
        if not looks_like_file(word):
            return None
        near = nearest(path)
        hint = f"; did you mean {near}?" if near else ""
        raise InputError(f"{error}{hint}") from error
    return path


def _plain(name: str) -> str:
    return normalize("NFC", name).casefold()


def folder_of(words: Sequence[str], like: str | None = None) -> str | None:
    """The folder among the arguments, None without one. Raises ``InputError`` for a folder
    beside other folders or files, and unless there is either a query or an example."""
    folders = [*dict.fromkeys(word for word in words if word and os.path.isdir(word))]
    if not folders:
        return None
    others = [word for word in words if word and word != folders[0]]
    files = [word for word in others if os.path.lexists(word)]
    if files:
        raise InputError(
            f"{folders[0]} is a folder, and {files[0]} is there beside it; search one "
            "folder, or files"
        )
    if like is not None and others:
        raise InputError(
            f"--like {like} and the query {others[0]!r} cannot be combined; give one of "
            "them"
        )
    if not others and like is None:
        raise InputError(
            f"no query given; describe in a sentence what happens: slta search "
            f'{folders[0]} "a sentence"'
        )
    return folders[0]
