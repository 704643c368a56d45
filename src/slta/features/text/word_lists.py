"""Word frequencies in English and other languages, from wordfreq's lists.

The lists are read without importing wordfreq, which would slow down every search. Their
format is described at ``wordfreq.read_cBpack``.
"""

import gzip
import importlib.util
from functools import cache
from pathlib import Path

import msgpack

LANGUAGES = {
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "pt": "Portuguese",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "tr": "Turkish",
    "id": "Indonesian",
    "ro": "Romanian",
    "cs": "Czech",
    "sv": "Swedish",
    "hu": "Hungarian",
    "da": "Danish",
    "nb": "Norwegian",
    "fi": "Finnish",
    "sh": "Croatian",
    "vi": "Vietnamese",
}
"""Detected languages by the code of their list, those with more speakers first. Related
languages are mistaken for them, such as Slovak for Czech."""
COMMON = 3.0
"""Zipf frequency of a common English word: once in a million words."""
RARE = 2.0
"""Zipf frequency below which entries are mostly misspellings."""
TELLING = 4.0
"""Minimum Zipf frequency in other languages, to keep the lists short."""


def common_english() -> dict[str, float]:
    """Zipf frequencies of about 29 000 words: log10 of occurrences per 10⁹ words.

    >>> common_english()["cat"], "elefant" in common_english()
    (4.78, False)
    """
    return _frequencies("small_en", COMMON)


def english() -> dict[str, float]:
    """The same with rare words, about 96 000."""
    return _frequencies("large_en", RARE)


def foreign(language: str) -> dict[str, float]:
    """The most frequent words of one of ``LANGUAGES``, about 8 000."""
    return _frequencies(f"small_{language}", TELLING)


@cache
def _frequencies(name: str, least: float) -> dict[str, float]:
    spec = importlib.util.find_spec("wordfreq")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "data"
    words = {}
    with gzip.open(folder / f"{name}.msgpack.gz") as file:
        unpacker = msgpack.Unpacker(file, read_size=1 << 14)
        # After a header, the words of each hundredth of a Zipf, most frequent first.
        steps = unpacker.read_array_header() - 1
        unpacker.skip()
        for zipf in (9 - step / 100 for step in range(steps)):
            if zipf < least - 1e-6:
                break
            words.update(dict.fromkeys(unpacker.unpack(), round(zipf, 2)))
    return words
