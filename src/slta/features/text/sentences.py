"""Features of sentences, read from the store or made and stored."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.features.base import Prepared, QueryFeatures, Reader, Steps, Words
from slta.features.store import Store, trusted
from slta.progress import Progress


def read_sentences(
    reader: Reader,
    store: Store,
    sentences: Sequence[str],
    *,
    progress: Progress | None = None,
) -> list[QueryFeatures]:
    """Features of sentences, in their order; stored for the next time."""
    unique = sorted(set(sentences))
    # Escaped, as a sentence may contain a line break.
    escaped = b"\n".join(sentence.encode("unicode_escape") for sentence in unique)
    digest = hashlib.sha256(escaped).hexdigest()[:24]
    name = f"{reader.id}@{reader.version}-{digest}"
    record = store.read("queries", name)
    if record is None:
        read = []
        for sentence in unique:
            read.append(reader.text(sentence))
            if progress:
                progress(len(read), len(unique))
        facts, arrays = packed(read)
        with store.write("queries", name, facts=facts) as writer:
            writer.append(arrays)
        record = store.read("queries", name)
        assert record is not None
    with trusted(record):
        features = dict(zip(unique, unpacked(record.facts, record.arrays), strict=True))
    return [features[sentence] for sentence in sentences]


VECTORS = ("word_vectors", "meanings", "attainable", "appearances", "usual")


def packed(
    queries: Sequence[QueryFeatures],
) -> tuple[dict[str, Any], dict[str, Float[np.ndarray, "_ ..."]]]:
    """The queries' text as JSON facts, and their vectors, concatenated."""
    facts = [
        {
            "query": query.query,
            "words": query.words,
            "nouns": query.noun_mask.tolist(),
            "action": query.action,
            "phrases": query.phrases,
        }
        for query in queries
    ]
    vectors = {name: [getattr(query, name) for query in queries] for name in VECTORS}
    return {"queries": facts}, {
        name: np.concatenate(parts)
        for name, parts in vectors.items()
        if all(part is not None for part in parts)
    }


def unpacked(
    facts: Mapping[str, Any], arrays: Mapping[str, Float[np.ndarray, "_ ..."]]
) -> list[QueryFeatures]:
    queries, word, phrase = [], 0, 0
    for fact in facts["queries"]:
        words = slice(word, word := word + len(fact["words"]))
        phrases = slice(phrase, phrase := phrase + len(fact["phrases"]))
        looks, usual = arrays.get("appearances"), arrays.get("usual")
        queries.append(
            QueryFeatures(
                query=fact["query"],
                words=tuple(fact["words"]),
                noun_mask=np.array(fact["nouns"], bool),
                action=fact["action"],
                phrases=tuple(fact["phrases"]),
                word_vectors=arrays["word_vectors"][words],
                meanings=arrays["meanings"][phrases],
                attainable=arrays["attainable"][phrases],
                appearances=None if looks is None else looks[phrases],
                usual=None if usual is None else usual[phrases],
            )
        )
    return queries


@dataclass(frozen=True, slots=True)
class WithWordVectors:
    """A reader with other word vectors."""

    reader: Reader
    words: Words

    @property
    def id(self) -> str:
        return f"{self.reader.id}+{self.words.id}"

    @property
    def version(self) -> str:
        return self.reader.version

    def prepare(self, steps: Steps | None = None) -> None:
        if isinstance(self.reader, Prepared):
            self.reader.prepare(steps)

    def text(self, query: str) -> QueryFeatures:
        features = self.reader.text(query)
        return replace(features, word_vectors=self.words.vectors(features.words))
