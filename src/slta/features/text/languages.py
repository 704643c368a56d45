"""Which language a query is in, if not English: by how often its words are written."""

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
"""Decades by which the words of a query, together, are more frequent in its language than
in English."""
EACH = 1.0
"""The same as a mean over its words."""
ALONE = 2.0
"""The same for a word that is not common English, or an article: there must be one."""
AS_LIKELY = 0.3
"""Decades that do not tell two other languages apart."""
ARTICLES = frozenset("een ein eine ett het um uma un una une".split())
"""Before another word, these tell as much as one that is not English."""
ENGLISH = frozenset("the and with from his her their who while at by".split())
"""Words that stand in English sentences only."""


def other_language(words: Sequence[str]) -> str | None:
    """The name of the language, or None for English and for what no list knows.

    An English sentence may hold a foreign word or a name: its English words tell against
    any other language.

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
    """Decades by which a word is more frequent in a language than in English.

    Of one that is not in the language's list, only common English is told.
    """
    in_english = common_english().get(word) or english().get(word, RARE)
    return known.get(word, min(in_english, COMMON)) - in_english
