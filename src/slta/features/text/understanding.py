"""Correction of typed queries before a search: spelling, negation, other languages.

Sentences of data sets are read as they are, without correction.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slta.errors import InputError
from slta.features.text.languages import other_language
from slta.features.text.nouns import NAMING, grammar, language, tells
from slta.features.text.reading import normalised, shown
from slta.features.text.spelling import correction, is_english

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
