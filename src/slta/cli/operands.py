"""Which words of ``slta search`` are videos, and which are queries."""

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
"""How the name of a file ends, in a word without spaces."""
SUFFIXES = FILMS | frozenset(
    ".gif .heic .jpeg .jpg .png .webp .aac .flac .m4a .mp3 .ogg .opus .wav .csv .json "
    ".jsonl .part .pdf .srt .txt .vtt .zip".split()
)
"""Suffixes with which no sentence ends."""


class Operands(NamedTuple):
    """Each once."""

    videos: list[Path]
    queries: list[str]


def operands(words: Sequence[str], library: "Provider") -> Operands:
    """Sorts files from sentences, which may come in any order.

    Raises ``InputError`` for an address, a folder, and what looks like a file but is none.
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
        raise InputError('no video given; name its file: slta search FILE "a sentence"')
    if not queries:
        raise InputError(
            "no query given; say in a sentence what happens, other than by the name of "
            "a file"
        )
    return Operands([*dict.fromkeys(videos)], [*dict.fromkeys(queries)])


def looks_like_file(word: str) -> bool:
    """Whether somebody who writes this means a file, be it there or not.

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
    """The file whose name is most like this one, in a folder that may be misspelt, too."""
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
    """None for a query."""
    from slta.video.opening import is_address

    if not word:
        return None
    path = Path(word)
    try:
        library.check(path)
    except InputError as error:
        if os.path.isdir(word):
            raise InputError(
                f"{word} is a folder; name the videos in it, as {path}{os.sep}*.mp4, or "
                "ask with a sentence"
            ) from error
        if os.path.lexists(word):
            return path  # Among others, it is no reason to answer for none.
        if is_address(word):
            raise InputError(
                f"{word} is an address; download it, and name the file"
            ) from error
        if not looks_like_file(word):
            return None
        near = nearest(path)
        hint = f"; did you mean {near}?" if near else ""
        raise InputError(f"{error}{hint}") from error
    return path


def _plain(name: str) -> str:
    return normalize("NFC", name).casefold()
