"""Queries for a video that almost certainly does not show them."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from slta.moments import Query

LETTERS = 3
"""Minimum length of a content word."""
COMMON = 0.25
"""Share of the queries above which a word is not a content word, as "the" or, where every
query has it, "person"."""


class AbsentQueries:
    """Draws for a video a query of other videos that shares no content word with the queries
    annotated for it."""

    def __init__(self, queries: Sequence[Query]) -> None:
        words = [_words(query.query) for query in queries]
        counts = Counter(word for each in words for word in each)
        most = COMMON * len(queries)
        self._with_word: dict[str, list[int]] = {}
        self._said: dict[str, set[str]] = {}
        self._drawable = np.zeros(len(queries), bool)
        for number, (query, each) in enumerate(zip(queries, words, strict=True)):
            content = {word for word in each if counts[word] <= most}
            for word in content:
                self._with_word.setdefault(word, []).append(number)
            self._drawable[number] = bool(content)
            # What is annotated as absent is not shown, and what is not annotated may be.
            if query.truth != ():
                self._said.setdefault(query.video_id, set()).update(content)

    def of(self, video_id: str) -> Int[np.ndarray, " n"]:
        """The numbers of all queries that may be drawn for a video."""
        free = self._drawable.copy()
        for word in self._said.get(video_id, ()):
            free[self._with_word[word]] = False
        return np.flatnonzero(free)

    def draw(
        self, rng: np.random.Generator, video_id: str, count: int = 1
    ) -> list[int]:
        """Up to ``count`` different ones; fewer if there are no more."""
        free = self.of(video_id)
        drawn: list[int] = rng.permutation(free)[:count].tolist()
        return drawn


def _words(sentence: str) -> set[str]:
    words = re.findall(r"\w+", sentence.lower())
    return {word for word in words if len(word) >= LETTERS}
