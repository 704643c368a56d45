"""How often words are written, in English and other languages: wordfreq's lists.

They are read without wordfreq's own code, whose import takes longer than a search of a
known video may. Their format is described at ``wordfreq.read_cBpack``.
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
"""Those asked about, by the code of their list; first those with more speakers. Their
neighbours are taken for them, Slovak for Czech."""
COMMON = 3.0
"""A word of English that is written once in a million."""
RARE = 2.0
"""Below it, English texts hold more slips of the pen than words."""
TELLING = 4.0
"""What is rarer in another language is seldom asked for, and takes long to read."""


def common_english() -> dict[str, float]:
    """The Zipf frequency of about 29 000 words: the logarithm of how often they are
    written in 10⁹ words.

    >>> common_english()["cat"], "elefant" in common_english()
    (4.78, False)
    """
    return _frequencies("small_en", COMMON)


def english() -> dict[str, float]:
    """The same with rare ones, about 96 000."""
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
