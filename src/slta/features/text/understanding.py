"""Correction of typed queries before a search.

Sentences of data sets are read as they are, without correction.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from slta.errors import InputError
from slta.features.text.languages import other_language
from slta.features.text.negation import present
from slta.features.text.nouns import tells
from slta.features.text.reading import normalised, shown
from slta.features.text.spelling import correction, is_english

WORD = re.compile(r"\b[^\W\d_]{2,}(?:['’][^\W\d_]+)*\b")
"""At least two letters, no digits."""


@dataclass(frozen=True, slots=True)
class Understood:
    text: str
    """The corrected query."""
    unknown_words: tuple[str, ...]
    """Distinct words that are not English."""
    known: float
    """Share of the content words that are English."""
    notes: tuple[str, ...]
    """Corrections and unknown words, a line each."""


def understand(query: str, reader: str) -> Understood:
    """A typed query, corrected; ``reader`` is the extractor's name, for notes.

    Raises ``InputError`` for a query in another language or without a content word.

    >>> understand("A CAAT", "imagenet-words")
    Understood(text='a cat', unknown_words=(), known=1.0, \
notes=('read "caat" as "cat"',))
    >>> understand("a blorptang on a table without food", "imagenet-words").notes
    ('looked for "a blorptang on a table", as what is absent cannot be asked', \
"'blorptang' means nothing to imagenet-words")
    """
    text = normalised(query).strip()
    if text.isupper():
        text = text.lower()
    if language := other_language(WORD.findall(text)):
        raise InputError(
            f"the query {shown(query)} looks like {language}; {reader} reads English, so "
            "write it in English"
        )
    text, notes = _corrected(text)
    text, absent = _present(text)
    if not tells(text):
        raise InputError(
            f"the query {shown(query)} has no word that says what to look for; "
            'describe a thing or an event, such as "a dog runs"'
        )
    words = [word for word in WORD.findall(text) if tells(word)]
    unknown = tuple(dict.fromkeys(word for word in words if not _is_known(word)))
    if unknown:
        named = _listed(unknown)
        means = "means" if len(unknown) == 1 else "mean"
        meaningless = f"{named} {means} nothing to {reader}"
        if set(words) == set(unknown):
            raise InputError(f"{meaningless}; describe in English what is to be seen")
        absent = (*absent, meaningless)
    known = sum(word not in unknown for word in words) / len(words) if words else 1.0
    return Understood(text, unknown, known, (*notes, *absent))


def _corrected(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with misspelt words corrected, except names, and notes on that."""
    parts, notes, end = [], [], 0
    for match in WORD.finditer(text):
        word = match[0]
        is_name = match.start() > 0 and not word.islower()
        if is_name or _is_known(word) or not (meant := correction(word.lower())):
            continue
        parts += [text[end : match.start()], meant]
        notes.append(f'read "{word}" as "{meant}"')
        end = match.end()
    return "".join([*parts, text[end:]]), tuple(dict.fromkeys(notes))


def _present(text: str) -> tuple[str, tuple[str, ...]]:
    """The text without negated parts, and a note if there were any."""
    left = present(text)
    if left == text:
        return text, ()
    if not tells(left):
        raise InputError(
            f"the query {shown(text)} describes what is absent, which cannot be searched "
            "for; describe something that can be seen"
        )
    return left, (f'looked for "{left}", as what is absent cannot be asked',)


def _is_known(word: str) -> bool:
    plain = word.lower().replace("’", "'")
    return is_english(plain) or is_english(plain.partition("'")[0])


def _listed(words: Sequence[str]) -> str:
    """
    >>> _listed(["a", "b", "c"])
    "'a', 'b' and 'c'"
    """
    *others, last = map(repr, words)
    return f"{', '.join(others)} and {last}" if others else last
