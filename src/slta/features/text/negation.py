"""Removes negated parts of a sentence, which cannot be searched for."""

import re
from typing import TYPE_CHECKING

from slta.features.text.nouns import NAMING, grammar, language

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

NEGATED = {"not", "n't", "n’t", "never"}
ABSENT = {"nobody", "none", "without"}
DENYING = {"no", "neither"}
NOT_MEANT = {"only", "just", "even"}
"""Words after a "not" that negates nothing."""
NEEDED = {"nsubj", "nsubjpass", "attr", "acomp", "aux", "expl", "pobj", "predet", "det"}
"""Dependencies without which their head makes no sense."""
SUBJECTS = {"nsubj", "nsubjpass"}
ASIDE = {"advcl", "appos", "ccomp", "conj", "parataxis"}
"""Dependencies that may be statements of their own."""


def present(sentence: str) -> str:
    """The sentence without its negated parts; empty if everything is negated.

    >>> present("a street without cars"), present("a man sits and does not move")
    ('a street', 'a man sits')
    >>> present("no cat"), present("There is no dog.")
    ('', '')
    >>> present("a man can't stop laughing"), present("a no parking sign")
    ("a man can't stop laughing", 'a no parking sign')
    """
    cues = NEGATED | ABSENT | DENYING
    if not any(token.lower_ in cues for token in language().make_doc(sentence)):
        return sentence  # nearly all sentences, without parsing
    document = grammar(sentence)
    gone: set[int] = set()
    for token in document:
        if (part := _denied(token, document)) is not None:
            gone |= {token.i} | _places(part)
    if not gone:
        return sentence
    left = "".join(t.text_with_ws for t in document if t.i not in gone)
    return re.sub(r" +([,;.])", r"\1", " ".join(left.split())).strip(" ,;:.!-")


def _denied(token: "Token", document: "Doc") -> "Token | None":
    """The head of what a word negates, or None."""
    word, head = token.lower_, token.head
    after = document[token.i + 1].lower_ if token.i + 1 < len(document) else ""
    if word == "no" and token.dep_ == "det":
        # "A no parking sign" is a sign, and "no-entry" is a name.
        if after == "-" or sum(t.dep_ == "det" for t in head.children) > 1:
            return None
        part = head
    elif word in ABSENT:
        part = token
    elif word == "neither":
        part = head
    elif word in NEGATED and after not in NOT_MEANT:
        part = head if token.dep_ == "neg" else token
        if part.pos_ in NAMING and part.i < token.i:  # "a cat, not a dog"
            part = next((t for t in part.rights if t.i > token.i), token)
        if part.lemma_ in {"stop", "help"} and any(t.dep_ == "aux" for t in part.lefts):
            return None  # "can't stop laughing"
    else:
        return None
    while part.dep_ in NEEDED:
        part = part.head
    return part


def _places(part: "Token") -> set[int]:
    """Indices of a part's words, and of the "and" or comma that joins it to the rest."""
    places = {token.i for token in part.subtree}
    joints = {t.i for t in part.head.children if t.dep_ in {"cc", "punct"}}
    while (before := min(places) - 1) in joints:
        places.add(before)
    for other in part.children:
        if other.dep_ in ASIDE and _stands_alone(other, part):
            places -= {token.i for token in other.subtree}
    return places


def _stands_alone(other: "Token", part: "Token") -> bool:
    """Whether it is not negated with the part: "no dog but a cat" has a cat.

    A clause must have a subject and not be reported speech; a noun must have an article.
    """
    if any(t.lower_ in {"or", "nor"} for t in part.children):
        return False
    is_reported = other.dep_ == "ccomp" and other.i > part.i
    if other.pos_ in {"VERB", "AUX"}:
        return not is_reported and any(t.dep_ in SUBJECTS for t in other.lefts)
    return any(t.dep_ == "det" and t.lower_ != "no" for t in other.lefts)
