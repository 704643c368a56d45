"""How a query is read for features that share no space with sentences.

Words as in a dictionary, what they name, and the sentence as a whole.
"""

import unicodedata

import numpy as np

from slta.errors import InputError
from slta.features.base import QueryFeatures
from slta.features.text.minilm import MiniLM
from slta.features.text.nouns import parse


def read(query: str, minilm: MiniLM, *, adjectives: bool = False) -> QueryFeatures:
    """Nouns say what to look at, as in the paper, or nouns with their ``adjectives``.

    Raises ``InputError`` for what is no English sentence.
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
"""Characters; a sentence longer than that is a text."""
SHOWN = 40
"""Characters of a query in a message, at most."""


def normalised(query: str) -> str:
    """The query in plain characters: full-width letters and the like as usual ones.

    Raises ``InputError`` for what an extractor of English words cannot read.

    >>> normalised("ａ ｃａｔ")
    'a cat'
    """
    if any("\ud800" <= c <= "\udfff" for c in query):
        raise InputError(
            f"the query {query[:SHOWN]!r} holds bytes that are not text; type it in UTF-8"
        )
    text = unicodedata.normalize("NFKC", query)
    if not text.strip():
        raise InputError("the query is empty; say in a sentence what happens")
    if len(text) > LONGEST:
        raise InputError(
            f"the query has {len(text)} characters; "
            f"at most {LONGEST} are read, so ask for one event in one sentence"
        )
    letters = [c for c in text if c.isalpha()]
    if not letters:
        raise InputError(f"the query {shown(query)} has no words; ask with a sentence")
    latin = sum("LATIN" in unicodedata.name(c, "") for c in letters)
    if latin < len(letters) / 2:
        raise InputError(
            f"the query {shown(query)} is not in Latin letters; "
            "this extractor reads English, so ask in English"
        )
    return text


def shown(query: str) -> str:
    """A query as it is quoted in a message."""
    return repr(query if len(query) <= SHOWN else query[: SHOWN - 1] + "…")
