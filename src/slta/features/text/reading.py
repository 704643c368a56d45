"""Query features for visual features without a common space: context-free word vectors,
nouns and a sentence embedding."""

import unicodedata

import numpy as np

from slta.errors import InputError
from slta.features.base import QueryFeatures
from slta.features.text.minilm import MiniLM
from slta.features.text.nouns import parse


def read(query: str, minilm: MiniLM, *, adjectives: bool = False) -> QueryFeatures:
    """Features of a query; ``noun_mask`` marks the nouns, as in SLTA's paper, and with
    ``adjectives`` their adjectives as well.

    Raises ``InputError`` for an unreadable query.
    """
    query = normalised(query)
    parsed = parse(query)
    return QueryFeatures(
        query=query,
        words=parsed.words,
        word_vectors=minilm.entries(query, parsed.places),
        noun_mask=np.array(parsed.described if adjectives else parsed.named, bool),
        action=parsed.action,
        phrases=(query,),
        meanings=minilm.sentences([query]),
        attainable=np.ones(1, np.float32),
        appearances=None,
    )


LONGEST = 1000
"""Maximum characters of a query."""
SHOWN = 40
"""Maximum characters of a query in a message."""


def normalised(query: str) -> str:
    """The query in Unicode normal form KC, which replaces full-width letters and the like.

    Raises ``InputError`` for an empty or too long query, and one that is not in Latin
    letters.

    >>> normalised("ａ ｃａｔ")
    'a cat'
    """
    if any("\ud800" <= c <= "\udfff" for c in query):
        raise InputError(
            f"the query {query[:SHOWN]!r} holds bytes that are not text; type it in UTF-8"
        )
    text = unicodedata.normalize("NFKC", query)
    if not text.strip():
        raise InputError("the query is empty; describe in a sentence what happens")
    if len(text) > LONGEST:
        raise InputError(
            f"the query has {len(text)} characters, and at most {LONGEST} are read; "
            "describe one event in one sentence"
        )
    letters = [c for c in text if c.isalpha()]
    if not letters:
        raise InputError(f"the query {shown(query)} has no words; write a sentence")
    latin = sum("LATIN" in unicodedata.name(c, "") for c in letters)
    if latin < len(letters) / 2:
        raise InputError(
            f"the query {shown(query)} is not in Latin letters; write it in English"
        )
    return text


def shown(query: str) -> str:
    """A query as quoted in a message."""
    return repr(query if len(query) <= SHOWN else query[: SHOWN - 1] + "…")
