"""Features of video files: read from the store, or extracted and stored."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slta import video
from slta.errors import InputError
from slta.features.base import (
    Extractor,
    Pinned,
    QueryFeatures,
    Reader,
    VideoFeatures,
    Words,
)
from slta.features.layouts.base import Look
from slta.features.provider import VideoFiles
from slta.features.store import Record, Store, trusted
from slta.features.text.sentences import WithWordVectors, read_sentences
from slta.files import composed
from slta.moments import VideoInfo
from slta.progress import Progress
from slta.video.opening import head_of


@dataclass(frozen=True, slots=True)
class Library:
    """The provider of one extractor's features, at one rate."""

    extractor: Extractor
    store: Store
    rate_hz: float
    """Sampled frames per second."""
    centred: bool = False
    """Whether each video's mean is subtracted from its frames."""
    words: Words | None = None
    """Word vectors; None for the extractor's."""

    @property
    def id(self) -> str:
        return self.extractor.id

    @property
    def version(self) -> str:
        return self.extractor.version

    @property
    def reader(self) -> Reader:
        return (
            WithWordVectors(self.extractor, self.words)
            if self.words
            else self.extractor
        )

    def find(self, videos: VideoFiles, video_id: str) -> Path:
        return videos.path(video_id)

    def names(self, path: str | Path) -> Sequence[str]:
        return [os.fspath(path)]

    def listed(self) -> None:
        """None: any video can be extracted."""

    def size(self, path: str | Path) -> None:
        """None: nothing is pre-extracted."""

    def source(self, path: str | Path) -> None:
        """None: nothing is pre-extracted."""

    def check(self, path: str | Path) -> None:
        head_of(Path(path))

    def has(self, path: str | Path) -> bool:
        """Whether the store has the video. Raises ``InputError`` if there is no such file."""
        head_of(Path(path))
        digest = self.store.digest(Path(path))
        return self.store.read(digest, self.record_name) is not None

    def recalled(self, path: str | Path) -> Look | None:
        digest = self.store.remembered(Path(path))
        record = self.store.read(digest, self.record_name) if digest else None
        if record is None:
            return None
        with trusted(record):
            return Look(float(record.facts["video"]["duration_s"]), 1 / self.rate_hz)

    def pieces(self, path: str | Path) -> Iterator[VideoFeatures]:
        return self.extractor.watch(Path(path), rate_hz=self.rate_hz)

    def record(self, path: str | Path, *, progress: Progress | None = None) -> Record:
        """The record of a video's features, extracted if the store does not have them.

        Raises ``InputError`` for a video that cannot be used.
        """
        path = Path(path)
        head_of(path)
        digest = self.store.digest(path)
        record = self.store.read(digest, self.record_name)
        if record is None:
            self._make(path, digest, progress)
            record = self.store.read(digest, self.record_name)
            assert record is not None
        return record

    def read(
        self, path: str | Path, *, progress: Progress | None = None
    ) -> tuple[VideoInfo, VideoFeatures]:
        """A video's length and size, and its features, memory-mapped."""
        return self.opened(self.record(path, progress=progress), path)

    def opened(
        self, record: Record, path: str | Path
    ) -> tuple[VideoInfo, VideoFeatures]:
        """The content of a record of a video's features."""
        with trusted(record):
            info = VideoInfo(composed(Path(path).stem), **record.facts["video"])
            features = VideoFeatures(**record.arrays)
        return info, features.centred() if self.centred else features

    def sentences(
        self, sentences: Sequence[str], *, progress: Progress | None = None
    ) -> list[QueryFeatures]:
        """Features of sentences, in their order; stored for the next time."""
        return read_sentences(self.reader, self.store, sentences, progress=progress)

    @property
    def record_name(self) -> str:
        return f"{self.extractor.id}@{self.extractor.version}-{self.rate_hz:g}hz"

    def _make(self, path: Path, digest: str, progress: Progress | None) -> None:
        info = video.probe(path)
        facts: dict[str, Any] = {
            "extractor": self.extractor.id,
            "version": self.extractor.version,
            "rate_hz": self.rate_hz,
            "video": {
                "duration_s": info.duration_s,
                "width": info.width,
                "height": info.height,
            },
        }
        if isinstance(self.extractor, Pinned):
            facts["pinned_name"] = self.extractor.pinned_name
        rate_hz = self.rate_hz
        with self.store.write(digest, self.record_name, facts=facts) as writer:
            done = 0
            for piece in self.extractor.watch(path, rate_hz=rate_hz):
                count = len(piece.times_s)
                arrays: dict[str, np.ndarray] = {
                    name: np.asarray(array, np.float16)
                    for name, array in piece.arrays().items()
                }
                # Times of the sampling grid, not of the frames' first display.
                arrays["times_s"] = np.arange(done, done + count) / rate_hz
                writer.append(arrays)
                done += count
                if progress:
                    progress(min(done / rate_hz, info.duration_s), info.duration_s)
            if not self._is_still(path, digest):
                raise InputError(f"{path} changed while it was read; read it again")

    def _is_still(self, path: Path, digest: str) -> bool:
        with suppress(OSError):
            return self.store.digest(path) == digest
        return False
