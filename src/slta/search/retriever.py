"""The protocol of retrievers: zero-shot, or with a trained model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar, runtime_checkable

from slta.errors import InputError
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.provider import Provider
from slta.features.store import Record
from slta.moments import VideoInfo
from slta.search.answers import Answer

PreparedT = TypeVar("PreparedT")


@dataclass(frozen=True, slots=True)
class Indexed(Generic[PreparedT]):
    """A video whose features are in the store."""

    info: VideoInfo
    features: VideoFeatures
    prepared: PreparedT
    """What the retriever computed from the video, independent of queries."""
    folder: Path
    """Folder of the features."""


@runtime_checkable
class Retriever(Protocol[PreparedT]):
    @property
    def library(self) -> Provider:
        """The provider of features."""
        ...

    def prepare(self, record: Record, features: VideoFeatures) -> PreparedT:
        """Computes what does not depend on the query."""
        ...

    def answer(
        self, indexed: Indexed[PreparedT], query: QueryFeatures, *, top: int
    ) -> Answer:
        """Raises ``InputError`` for features that are not finite."""
        ...


def not_finite(folder: Path) -> InputError:
    return InputError(
        f"the features in {folder} have values that are not finite; "
        f"remove the folder {folder} to have them extracted again"
    )
