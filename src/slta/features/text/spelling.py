"""Recognises English words and corrects misspelt ones."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from string import ascii_lowercase
from typing import Any

from slta.features.text.languages import common_english, english
from slta.features.text.nouns import language

SHORTEST = 4
"""Minimum letters of a word to correct: short words are near too many others."""
SURE = 5
"""The same for a wrong or superfluous letter."""
MISSING, WRONG = 0.5, 1.5
"""Penalties on the Zipf scale for a missing letter, and for a wrong or superfluous one;
swapped letters and letters that sound the same have none."""
CLEAR = 0.3
"""Minimum lead of the best correction over all others."""
LEAST, LONG = 2.4, 7
"""Minimum Zipf frequency, after the penalty, of a correction of a word with fewer than
``LONG`` letters."""
SOUNDS = [("ph", "f"), ("d(?=g)|c(?=k)|t(?=ch)|(?<=[wr])h", ""), (r"(.)\1", r"\1")]
"""Spellings of the same sound, and silent letters."""
JOINED = 4.0
"""Minimum Zipf frequency of two words written without a space."""


def is_english(word: str) -> bool:
    """Whether a word is in wordfreq's lists or in spaCy's lemmatizer (WordNet).

    >>> is_english("crêpes"), is_english("Dachshund"), is_english("tubas")
    (True, True, True)
    >>> is_english("blorptang"), is_english("qqqq")
    (False, False)
    """
    word = word.lower()
    letters = unicodedata.normalize("NFD", word)
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    if _is_one_letter(plain):
        return False
    in_use = plain in common_english() or word in english() or plain in english()
    return in_use or any(form in _dictionary() for form in _base_forms(plain))


def correction(word: str) -> str | None:
    """The correction of a misspelt word, or None if none is clearly the likeliest.

    Corrections are one edit away with the same first letter, or two common words.

    >>> correction("elefant"), correction("frige"), correction("wman")
    ('elephant', 'fridge', 'woman')
    >>> correction("bottomof")
    'bottom of'
    >>> correction("asdf"), correction("qqqq"), correction("blorptang")
    (None, None, None)
    """
    if len(word) < SHORTEST or not (word.isascii() and word.isalpha()):
        return None
    if _is_one_letter(word):
        return None
    known = common_english()
    near: dict[str, float] = {}
    for cost, slips in _slips(word):
        for slip in slips & known.keys():
            if slip[0] == word[0] and slip not in near:
                near[slip] = known[slip] - cost
    if not near:
        halves = [(word[:i], word[i:]) for i in range(3, len(word) - 1)]
        pairs = [h for h in halves if min(known.get(w, 0) for w in h) >= JOINED]
        return " ".join(pairs[0]) if len(pairs) == 1 else None
    best, *others = sorted(near, key=near.__getitem__, reverse=True)
    is_clear = not others or near[best] - near[others[0]] >= CLEAR
    is_likely = near[best] >= LEAST or len(word) >= LONG
    return best if is_clear and is_likely else None


def _is_one_letter(word: str) -> bool:
    """Whether it is one letter repeated, such as "aaa"."""
    return len(word) > 2 and len(set(word)) == 1


def _slips(word: str) -> Iterator[tuple[float, set[str]]]:
    """Strings one edit away, with the penalty of each kind of edit."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    more = {a + letter + b for a, b in cuts for letter in ascii_lowercase}
    fewer = {a + b[1:] for a, b in cuts if b}
    other = {a + letter + b[1:] for a, b in cuts if b for letter in ascii_lowercase}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    spelt = {a + "ph" + b[1:] for a, b in cuts if b[:1] == "f"}
    alike = {slip for slip in more | fewer | spelt if _sound(slip) == _sound(word)}
    yield 0, alike | swapped
    yield MISSING, more
    if len(word) >= SURE:
        yield WRONG, fewer | other


def _sound(word: str) -> str:
    for pattern, sound in SOUNDS:
        word = re.sub(pattern, sound, word)
    return word


def _base_forms(word: str) -> Iterator[str]:
    """The word and its possible base forms."""
    yield word
    rules = _table("lemma_rules")
    for ending, base in (pair for pairs in rules.values() for pair in pairs):
        if word.endswith(ending):
            yield word.removesuffix(ending) + base


@cache
def _dictionary() -> frozenset[str]:
    index = _table("lemma_index")
    return frozenset(entry for entries in index.values() for entry in entries)


def _table(name: str) -> Any:
    lemmatizer: Any = language().get_pipe("lemmatizer")
    return lemmatizer.lookups.get_table(name)
