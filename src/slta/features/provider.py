"""Where features come from: made of videos, or ready."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from slta.features.base import QueryFeatures, Reader, VideoFeatures
from slta.features.layouts.base import Look
from slta.features.store import Record, Store
from slta.moments import VideoInfo
from slta.progress import Progress


@runtime_checkable
class VideoFiles(Protocol):
    """What has to be known of a data set."""

    def path(self, video_id: str) -> Path:
        """Raises ``InputError`` unless there is one file of this video."""
        ...


@runtime_checkable
class Provider(Protocol):
    """Gives videos and sentences as features, at one rate.

    A video is named by its file. Of ready features, only the file's name counts.
    """

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def store(self) -> Store: ...

    @property
    def rate_hz(self) -> float: ...

    @property
    def reader(self) -> Reader: ...

    def find(self, videos: VideoFiles, video_id: str) -> Path:
        """Where a video of a data set is. Raises ``InputError`` where it is missing."""
        ...

    def names(self, path: str | Path) -> Sequence[str]:
        """What is named by an error that is about this video."""
        ...

    def listed(self) -> Sequence[Path] | None:
        """All videos that it knows; None where any can be given."""
        ...

    def size(self, path: str | Path) -> int | None:
        """Bytes of a video's ready features; None where there are none."""
        ...

    def source(self, path: str | Path) -> Path | None:
        """Where a video's ready features are; None where there are none."""
        ...

    def check(self, path: str | Path) -> None:
        """Raises ``InputError`` for what cannot be a video, without looking into it."""
        ...

    def has(self, path: str | Path) -> bool:
        """Whether the store has the video's features already."""
        ...

    def recalled(self, path: str | Path) -> Look | None:
        """What the store remembers of a video, without looking into the video; None
        where it does not know it."""
        ...

    def pieces(self, path: str | Path) -> Iterator[VideoFeatures]:
        """A video's features as they are made, piece by piece; nothing is kept."""
        ...

    def record(self, path: str | Path, *, progress: Progress | None = None) -> Record:
        """The record of a video's features, made where the store does not have it.

        Raises ``InputError`` for a video that cannot be used.
        """
        ...

    def opened(
        self, record: Record, path: str | Path
    ) -> tuple[VideoInfo, VideoFeatures]:
        """What a record of a video's features holds."""
        ...

    def read(
        self, path: str | Path, *, progress: Progress | None = None
    ) -> tuple[VideoInfo, VideoFeatures]:
        """A video's features, as they are on disk."""
        ...

    def sentences(
        self, sentences: Sequence[str], *, progress: Progress | None = None
    ) -> list[QueryFeatures]:
        """The features of many sentences, from the store or read and kept there."""
        ...
