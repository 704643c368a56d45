"""Retrievers: each is a way to answer, without training or with a trained model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.provider import Provider
from slta.features.store import Record
from slta.moments import VideoInfo
from slta.search.answers import Answer

Known = TypeVar("Known")


@dataclass(frozen=True, slots=True)
class Indexed(Generic[Known]):
    """A video whose features are in the store."""

    info: VideoInfo
    features: VideoFeatures
    known: Known
    """What the retriever has found out of the video before any query."""
    folder: Path
    """Where the features lie."""


@runtime_checkable
class Retriever(Protocol[Known]):
    @property
    def library(self) -> Provider:
        """Where its features come from."""
        ...

    def prepare(self, record: Record, features: VideoFeatures) -> Known:
        """What of a video does not depend on the query."""
        ...

    def answer(
        self, indexed: Indexed[Known], asked: QueryFeatures, *, top: int
    ) -> Answer:
        """Raises ``InputError`` for features that are not numbers."""
        ...


def not_numbers(folder: Path) -> InputError:
    return InputError(
        f"the features in {folder} hold values that are not numbers; "
        f"remove the folder {folder} to have them made again"
    )
