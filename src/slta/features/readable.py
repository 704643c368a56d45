"""What can be asked: one English sentence."""

import unicodedata

from slta.errors import InputError

LONGEST = 1000
"""Characters; a sentence longer than that is a text."""


def check_readable(query: str) -> None:
    """Raises ``InputError`` for what an extractor of English words cannot read."""
    if not query.strip():
        raise InputError("the query is empty; say in a sentence what happens")
    if len(query) > LONGEST:
        raise InputError(
            f"the query has {len(query)} characters; "
            f"at most {LONGEST} are read, so ask for one event in one sentence"
        )
    if any("\ud800" <= c <= "\udfff" for c in query):
        raise InputError(
            f"the query {query[:40]!r} holds bytes that are no text; type it in UTF-8"
        )
    shown = query if len(query) <= 40 else query[:39] + "…"
    letters = [c for c in query if c.isalpha()]
    if not letters:
        raise InputError(f"the query {shown!r} has no words; ask with a sentence")
    latin = sum("LATIN" in unicodedata.name(c, "") for c in letters)
    if latin < len(letters) / 2:
        raise InputError(
            f"the query {shown!r} is not in Latin letters; "
            "this extractor reads English, so ask in English"
        )
