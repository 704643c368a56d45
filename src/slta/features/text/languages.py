"""Detects queries in other languages than English, by word frequencies."""

from collections.abc import Sequence

from slta.features.text.word_lists import (
    COMMON,
    LANGUAGES,
    RARE,
    common_english,
    english,
    foreign,
)

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
