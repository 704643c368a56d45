"""Sentences as one reader reads them, with the words of another source."""

from dataclasses import dataclass, replace

from slta.features.base import Prepared, QueryFeatures, Reader, Steps, Words


@dataclass(frozen=True, slots=True)
class Worded:
    """Grammar, phrases and the sentence as a whole are the reader's."""

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
        asked = self.reader.text(query)
        return replace(asked, word_vectors=self.words.vectors(asked.words))
