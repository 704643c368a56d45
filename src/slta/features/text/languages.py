"""Detects queries in other languages than English, by word frequencies."""

import gzip
import importlib.util
from collections.abc import Sequence
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


EVIDENCE = 3.0
"""Minimum sum over words of log10(frequency in the language / frequency in English)."""
EACH = 1.0
"""Minimum mean of the same over words."""
ALONE = 2.0
"""Minimum for at least one word that is not common English, or is an article."""
AS_LIKELY = 0.3
"""Differences below which two languages are equally likely."""
ARTICLES = frozenset("een ein eine ett het um uma un una une".split())
"""Evidence, before another word, as strong as a non-English word."""
ENGLISH = frozenset("the and with from his her their who while at by".split())
"""Words that occur in English sentences only."""


def other_language(words: Sequence[str]) -> str | None:
    """The name of the language, or None for English and for unknown languages.

    A foreign word or a name in an English sentence is outweighed by its English words.

    >>> other_language(["ein", "Hund"]), other_language(["a", "Dachshund"])
    ('German', None)
    """
    words = [word.lower() for word in words]
    telling = [word for word in words if word not in common_english()]
    telling += [word for word in words[:-1] if word in ARTICLES]
    if not telling or not ENGLISH.isdisjoint(words):
        return None
    least = max(EVIDENCE if len(words) > 1 else ALONE, EACH * len(words))
    gains = {
        name: sum(_gain(word, known) for word in words)
        for name, known in zip(LANGUAGES.values(), map(foreign, LANGUAGES), strict=True)
        if max(_gain(word, known) for word in telling) >= ALONE
    }
    highest = max(gains.values(), default=0.0)
    if highest < least:
        return None
    return next(name for name, gain in gains.items() if gain >= highest - AS_LIKELY)


def _gain(word: str, known: dict[str, float]) -> float:
    """log10(frequency in the language / frequency in English).

    A word that is not in the language's list counts only if it is common English.
    """
    in_english = common_english().get(word) or english().get(word, RARE)
    return known.get(word, min(in_english, COMMON)) - in_english
