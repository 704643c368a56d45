"""Many queries' features as facts and arrays, and back: what a record can hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures

VECTORS = ("word_vectors", "meanings", "attainable", "appearances", "usual")


def packed(
    queries: Sequence[QueryFeatures],
) -> tuple[dict[str, Any], dict[str, Float[np.ndarray, "_ ..."]]]:
    """The queries' text as facts for JSON, their vectors one after another."""
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
