"""Videos as features: from the store, or made and kept there."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from slta import video
from slta.decoding import head_of
from slta.errors import InputError
from slta.features.base import Extractor, QueryFeatures, VideoFeatures, Words
from slta.features.packing import packed, unpacked
from slta.features.store import Record, Store
from slta.moments import VideoInfo

Progress = Callable[[float, float], None]
"""Told how much of how much is done."""


@dataclass(frozen=True, slots=True)
class Library:
    """One extractor's view of videos, at one rate."""

    extractor: Extractor
    store: Store
    rate_hz: float
    """Frames a second that are looked at."""
    centred: bool = False
    """Whether what a video always shows is taken from its frames and regions."""
    words: Words | None = None
    """What makes the vectors of words; None for the extractor itself."""

    def record(self, path: str | Path, *, progress: Progress | None = None) -> Record:
        """The record of a video's features; only a new video is looked at.

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
        """A video's features, as they are on disk."""
        return self.opened(self.record(path, progress=progress), Path(path).stem)

    def opened(self, record: Record, video_id: str) -> tuple[VideoInfo, VideoFeatures]:
        """What a record of a video's features holds."""
        with trusted(record):
            info = VideoInfo(video_id, **record.facts["video"])
            features = VideoFeatures(**record.arrays)
        return info, features.centred() if self.centred else features

    def text(self, query: str) -> QueryFeatures:
        """Raises ``InputError`` for a query that cannot be read."""
        asked = self.extractor.text(query)
        if self.words is None:
            return asked
        return replace(asked, word_vectors=self.words.vectors(asked.words))

    def sentences(
        self, sentences: Sequence[str], *, progress: Progress | None = None
    ) -> list[QueryFeatures]:
        """The features of many sentences, from the store or read and kept there."""
        unique = sorted(set(sentences))
        # Escaped, as a sentence may hold what they are joined with.
        escaped = b"\n".join(each.encode("unicode_escape") for each in unique)
        digest = hashlib.sha256(escaped).hexdigest()[:24]
        read_by = f"{self.extractor.id}@{self.extractor.version}"
        if self.words is not None:
            read_by += f"+{self.words.id}"
        name = f"{read_by}-{digest}"
        record = self.store.read("queries", name)
        if record is None:
            read = []
            for sentence in unique:
                read.append(self.text(sentence))
                if progress:
                    progress(len(read), len(unique))
            facts, arrays = packed(read)
            with self.store.write("queries", name, facts=facts) as writer:
                writer.append(arrays)
            record = self.store.read("queries", name)
            assert record is not None
        with trusted(record):
            known = dict(
                zip(unique, unpacked(record.facts, record.arrays), strict=True)
            )
        return [known[sentence] for sentence in sentences]

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
        rate_hz = self.rate_hz
        with self.store.write(digest, self.record_name, facts=facts) as writer:
            done = 0
            for made in self.extractor.watch(path, rate_hz=rate_hz):
                count = len(made.times_s)
                arrays: dict[str, np.ndarray] = {
                    name: np.asarray(array, np.float16)
                    for name, array in made.arrays().items()
                }
                # A sample stands for its time on the grid, not for the moment at which
                # its frame came on display.
                arrays["times_s"] = np.arange(done, done + count) / rate_hz
                writer.append(arrays)
                done += count
                if progress:
                    progress(min(done / rate_hz, info.duration_s), info.duration_s)


@contextmanager
def trusted(record: Record) -> Iterator[None]:
    """Says of a record that lacks something what to do about it."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the record {record.folder} is damaged ({error}); "
            f"remove the folder {record.folder} to have it made again"
        ) from error
