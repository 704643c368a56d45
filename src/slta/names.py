"""Names of files and of videos, which are spelt in more than one way."""

import hashlib
import os
from typing import Final
from unicodedata import combining, normalize

LONGEST: Final = 255
"""Bytes of a file's name on the usual file systems."""
FILMS: Final = frozenset(
    ".264 .265 .3g2 .3gp .asf .avi .divx .f4v .flv .h264 .h265 .hevc .ivf .m1v "
    ".m2ts .m2v .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .ogm .ogv .rm .rmvb .ts "
    ".vob .webm .wmv .y4m".split()
)
"""Suffixes of films, in small letters."""


def composed(name: str) -> str:
    """The one spelling of names that look alike: letters with their accents (NFC).

    >>> composed("cafe\\u0301") == "caf\\u00e9"
    True
    """
    return normalize("NFC", name)


def fitted(stem: str, ending: str) -> str:
    """A file's name of a stem and an ending; a stem too long for that is cut.

    What is cut off is told apart by its digest.
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
