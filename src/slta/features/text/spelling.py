"""Which words are English, and what a misspelt one was meant to be."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from string import ascii_lowercase
from typing import Any

from slta.features.text.nouns import language
from slta.features.text.word_lists import common_english, english

SHORTEST = 4
"""Letters of a word from which on slips are mended; of shorter ones, too much is near."""
SURE = 5
"""The same where a letter is wrong or too many."""
MISSING, WRONG = 0.5, 1.5
"""How much more frequent, on the Zipf scale, a word must be if a letter of it is missing,
or wrong or too many, than if letters changed places or sound the same."""
CLEAR = 0.3
"""How much more frequent the best word must be than all others, such slips allowed for."""
LEAST, LONG = 2.4, 7
"""How frequent it must be, such slips allowed for, unless it has so many letters: short
strings are near some word by chance."""
SOUNDS = [("ph", "f"), ("d(?=g)|c(?=k)|t(?=ch)|(?<=[wr])h", ""), (r"(.)\1", r"\1")]
"""Letters that are written as others are, or not at all, where a word is as it sounds."""
JOINED = 4.0
"""Zipf frequency of two words that are read where the space between them is missing."""


def is_english(word: str) -> bool:
    """Whether it is in use, or in the dictionary of spaCy's lemmatizer (WordNet).

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
    """What a word that is not English was meant to be, if one word is clearly likeliest.

    It is one slip away, and its first letter is right; or it is two common words.

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
    """Whether it is one letter again and again, which texts are full of."""
    return len(word) > 2 and len(set(word)) == 1


def _slips(word: str) -> Iterator[tuple[float, set[str]]]:
    """The strings that are one slip away, by kind, with what each kind costs."""
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
    """The word and what it may be an inflected form of."""
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
