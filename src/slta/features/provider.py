"""What provides features: an extractor's library, or pre-extracted ones."""

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
    """Finds the video files of a data set."""

    def path(self, video_id: str) -> Path:
        """Raises ``InputError`` unless exactly one file belongs to the video."""
        ...


@runtime_checkable
class Provider(Protocol):
    """Features of videos and sentences, at one rate.

    A video is named by the path of its file; pre-extracted features use only the file's
    name.
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
        """Path of a data set's video. Raises ``InputError`` if it is missing."""
        ...

    def names(self, path: str | Path) -> Sequence[str]:
        """Names by which errors mention this video."""
        ...

    def listed(self) -> Sequence[Path] | None:
        """All videos that have features; None if any video can be extracted."""
        ...

    def size(self, path: str | Path) -> int | None:
        """Bytes of a video's pre-extracted features; None for an extractor."""
        ...

    def source(self, path: str | Path) -> Path | None:
        """Path of a video's pre-extracted features; None for an extractor."""
        ...

    def check(self, path: str | Path) -> None:
        """Raises ``InputError`` for what cannot be a video, without opening it."""
        ...

    def has(self, path: str | Path) -> bool:
        """Whether the store has the video's features."""
        ...

    def recalled(self, path: str | Path) -> Look | None:
        """What the store knows of a video, without opening the video; None for a new one."""
        ...

    def pieces(self, path: str | Path) -> Iterator[VideoFeatures]:
        """A video's features in consecutive pieces; nothing is stored."""
        ...

    def record(self, path: str | Path, *, progress: Progress | None = None) -> Record:
        """The record of a video's features, made if the store does not have it.

        Raises ``InputError`` for a video that cannot be used.
        """
        ...

    def opened(
        self, record: Record, path: str | Path
    ) -> tuple[VideoInfo, VideoFeatures]:
        """The content of a record of a video's features."""
        ...

    def read(
        self, path: str | Path, *, progress: Progress | None = None
    ) -> tuple[VideoInfo, VideoFeatures]:
        """A video's length and size, and its features, memory-mapped."""
        ...

    def sentences(
        self, sentences: Sequence[str], *, progress: Progress | None = None
    ) -> list[QueryFeatures]:
        """Features of sentences, in their order; stored for the next time."""
        ...
