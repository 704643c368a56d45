"""Pre-extracted features, imported into the store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from slta import video
from slta.errors import InputError
from slta.features.base import QueryFeatures, Reader, VideoFeatures, Words
from slta.features.layouts.base import Arrays, Layout, Look, whole
from slta.features.provider import VideoFiles
from slta.features.store import Record, Store, trusted
from slta.features.text.minilm import MiniLM
from slta.features.text.reading import read
from slta.features.text.sentences import WithWordVectors, read_sentences
from slta.files import composed
from slta.moments import VideoInfo
from slta.progress import Progress

VERSION = "1"
UNKNOWN = (16, 9)
"""Size of a video without a file."""
SHARE = 0.05
"""Relative tolerance between the lengths of a video file and its features."""
VECTORS = ("frames", "regions", "boxes")
WHOLE = np.array([0, 0, 1, 1], np.float16)


class Plain:
    """MiniLM features of sentences, for any visual features."""

    id = "minilm"
    version = "1"

    def text(self, query: str) -> QueryFeatures:
        return read(query, self._minilm)

    @cached_property
    def _minilm(self) -> MiniLM:
        return MiniLM()


PLAIN = Plain()


@dataclass(frozen=True, slots=True)
class PreextractedLibrary:
    """The provider of pre-extracted features in one layout, at one rate."""

    layout: Layout
    store: Store
    rate_hz: float
    centred: bool = False
    """Whether each video's mean is subtracted from its frames."""
    words: Words | None = None
    """Word vectors; None for MiniLM's."""
    regions: int | None = None
    """Number of regions a frame that are kept, the first ones; None for all."""
    durations: Callable[[], Mapping[str, float]] = dict
    """Lengths of videos in seconds, by the data set's annotations."""

    @property
    def id(self) -> str:
        return f"preextracted-{self.layout.name}"

    @property
    def version(self) -> str:
        return VERSION if self.regions is None else f"{VERSION}-{self.regions}regions"

    @property
    def reader(self) -> Reader:
        return WithWordVectors(PLAIN, self.words) if self.words else PLAIN

    def find(self, videos: VideoFiles, video_id: str) -> Path:
        if video_id not in self.layout.videos:
            raise _missing(self.layout, video_id)
        return Path(video_id)

    def names(self, path: str | Path) -> Sequence[str]:
        video_id = self._named(path)
        return [video_id, *map(str, self.layout.files(video_id))]

    def listed(self) -> Sequence[Path]:
        return [Path(video_id) for video_id in self.layout.videos]

    def size(self, path: str | Path) -> int:
        return self.layout.size(self._named(path))

    def source(self, path: str | Path) -> Path:
        return self.layout.videos[self._named(path)]

    def check(self, path: str | Path) -> None:
        self._named(path)

    def has(self, path: str | Path) -> bool:
        video_id = self._named(path)
        return self._stored(video_id, self._digest(video_id)) is not None

    def recalled(self, path: str | Path) -> Look | None:
        video_id = self._named(path)
        digest = self.store.remembered(*self.layout.files(video_id))
        record = self._stored(video_id, digest) if digest else None
        if record is None:
            return None
        with trusted(record):
            length_s = float(record.facts["video"]["duration_s"])
            step_s = float(record.facts.get("step_s", 0.0))
        shapes = {n: (str(each.dtype), each.shape) for n, each in record.arrays.items()}
        return Look(length_s, step_s, shapes)

    def pieces(self, path: str | Path) -> Iterator[VideoFeatures]:
        """At the times of the files, not yet resampled."""
        video_id = self._named(path)
        pieces = self.layout.pieces(video_id, self._said_s(video_id))
        for piece in map(self._kept, pieces):
            yield VideoFeatures(**_completed(_stored(piece)))

    def record(self, path: str | Path, *, progress: Progress | None = None) -> Record:
        """Raises ``InputError`` for a video without features, or with invalid ones."""
        video_id = self._named(path)
        digest = self._digest(video_id)
        record = self._stored(video_id, digest)
        if record is None:
            self._import(video_id, digest, progress)
            record = self._stored(video_id, digest)
            assert record is not None
        return record

    def opened(
        self, record: Record, path: str | Path
    ) -> tuple[VideoInfo, VideoFeatures]:
        with trusted(record):
            length_s = float(record.facts["video"]["duration_s"])
            step_s = float(record.facts.get("step_s", 0.0))
            features = VideoFeatures(**_completed(record.arrays))
        video_id = self._named(path)
        if (said_s := self._said_s(video_id)) is not None:
            length_s = said_s
            features = features.first(samples_in(said_s, self.rate_hz))
        size = UNKNOWN
        if (film := _probed(Path(path))) is not None:
            size = film.width, film.height
            self._check_film(Path(path), film.duration_s, length_s, step_s)
        info = VideoInfo(video_id, length_s, *size)
        return info, features.centred() if self.centred else features

    def read(
        self, path: str | Path, *, progress: Progress | None = None
    ) -> tuple[VideoInfo, VideoFeatures]:
        return self.opened(self.record(path, progress=progress), path)

    def sentences(
        self, sentences: Sequence[str], *, progress: Progress | None = None
    ) -> list[QueryFeatures]:
        return read_sentences(self.reader, self.store, sentences, progress=progress)

    def _named(self, path: str | Path) -> str:
        """The id of a video by its file's name, with or without the suffix."""
        name, stem = composed(Path(path).name), composed(Path(path).stem)
        if name in self.layout.videos:
            return name
        if stem in self.layout.videos:
            return stem
        raise _missing(self.layout, stem)

    def _check_film(
        self, path: Path, film_s: float, length_s: float, step_s: float
    ) -> None:
        """Raises ``InputError`` if file and features, matched by name, differ in length."""
        within_s = max(1 + step_s, SHARE * length_s)
        if abs(film_s - length_s) > within_s:
            video_id = self._named(path)
            raise InputError(
                f"{path} lasts {film_s:.1f} s, the pre-extracted features of {video_id!r} "
                f"{length_s:.1f} s, so they are of another video; name the right file, "
                f"or only the video's id, {video_id}"
            )

    def _digest(self, video_id: str) -> str:
        return self.store.digest(*self.layout.files(video_id))

    def _stored(self, video_id: str, digest: str) -> Record | None:
        return self.store.read(digest, self._record_name(video_id))

    def _record_name(self, video_id: str) -> str:
        # With the video's id, since a file may hold many videos; "ready", the first name of
        # these features, so that existing stores stay valid.
        name = f"ready-{self.layout.name}@{self.version}"
        name += f"-{self.rate_hz:g}hz-{video_id}"
        if self.layout.spread:
            name += f"-{self._said_s(video_id) or 0:g}s"
        return name

    def _said_s(self, video_id: str) -> float | None:
        return self.durations().get(video_id)

    def _import(self, video_id: str, digest: str, progress: Progress | None) -> None:
        said_s = self._said_s(video_id)
        seen = whole(self.layout, video_id, said_s)
        assert seen.duration_s is not None
        # A single sample has no step; it lasts one step of the grid.
        duration_s = seen.duration_s + (0 if seen.step_s else 1 / self.rate_hz)
        count = samples_in(duration_s, self.rate_hz)
        facts: dict[str, Any] = {
            "layout": self.layout.name,
            "version": self.version,
            "rate_hz": self.rate_hz,
            "video": {"video_id": video_id, "duration_s": duration_s},
            "step_s": seen.step_s,
        }
        name = self._record_name(video_id)
        with self.store.write(digest, name, facts=facts) as writer:
            done = 0
            pieces = map(self._kept, self.layout.pieces(video_id, said_s))
            for piece in resampled(pieces, rate_hz=self.rate_hz, count=count):
                writer.append(_stored(piece))
                done += len(piece["times_s"])
                if progress:
                    progress(done, count)

    def _kept(self, piece: Arrays) -> Arrays:
        if self.regions is None:
            return piece
        few = ("regions", "boxes", "region_mask")
        return {
            n: rows[:, : self.regions] if n in few else rows
            for n, rows in piece.items()
        }


def _stored(piece: Arrays) -> Arrays:
    """Arrays as stored: in float16, without those that are missing."""
    small = {n: np.asarray(piece[n], np.float16) for n in VECTORS if n in piece}
    if (mask := piece.get("region_mask")) is not None:
        # A frame without regions gets one of zeros that covers the frame.
        empty = np.logical_not(mask.any(axis=1)).reshape(-1, 1)
        small["region_mask"] = np.concatenate(
            [mask[:, :1] | empty, mask[:, 1:]], axis=1
        )
        for name, none in (("regions", np.float16(0)), ("boxes", WHOLE)):
            if name in small:
                small[name] = np.where(mask[..., None], small[name], none)
    return {"times_s": piece["times_s"], **small}


def _completed(arrays: Arrays) -> Arrays:
    """Arrays with defaults: the whole frame as the only region, the frame as every box."""
    regions = arrays.get("regions", arrays["frames"][:, None])
    boxes = np.broadcast_to(WHOLE, (*regions.shape[:2], 4))
    return {"regions": regions, "boxes": boxes, **arrays}


def _probed(path: Path) -> VideoInfo | None:
    """Length and size of the video's file, if there is one."""
    if path.is_file():
        with suppress(InputError):
            return video.probe(path)
    return None


def _missing(layout: Layout, video_id: str) -> InputError:
    return InputError(
        f"the video {video_id!r} has no pre-extracted features; put them into "
        f"{layout.expected(video_id)}"
    )


CLOSE_S = 1e-6
"""Tolerance for a late sample, in seconds."""
ROUNDED = 2e-7
"""The same relative to its time, for times rounded to 32 bits."""


def samples_in(duration_s: float, rate_hz: float) -> int:
    """Number of the times 0, 1/rate, 2/rate … before the end; at least one."""
    return max(1, ceil(duration_s * rate_hz - 1e-6))


def resampled(
    pieces: Iterable[Arrays], *, rate_hz: float, count: int
) -> Iterator[Arrays]:
    """Resampled to the grid: at each time the last sample at or before it, or the first."""
    done = 0
    last: Arrays = {}
    for piece in pieces:
        joined = {
            name: np.concatenate([last[name], rows]) if last else rows
            for name, rows in piece.items()
        }
        times_s = np.asarray(joined["times_s"], np.float64)
        # Times at or after the last sample belong to it only if no piece follows.
        reached = _rank(times_s[-1:], rate_hz)[0]
        grid = np.arange(done, min(reached, count))
        if len(grid):
            yield _picked(joined, times_s, grid, rate_hz)
            done = int(grid[-1]) + 1
        last = {name: rows[-1:] for name, rows in joined.items()}
    if last and done < count:
        grid = np.arange(done, count)
        yield _picked(last, np.asarray(last["times_s"], np.float64), grid, rate_hz)


def _rank(times_s: np.ndarray, rate_hz: float) -> np.ndarray:
    """Index of the first grid time at or after each time."""
    late_s = CLOSE_S + ROUNDED * times_s
    return np.ceil((times_s - late_s) * rate_hz).clip(0).astype(np.int64)


def _picked(
    arrays: Arrays, times_s: np.ndarray, grid: np.ndarray, rate_hz: float
) -> Arrays:
    which = np.searchsorted(_rank(times_s, rate_hz), grid, side="right") - 1
    picked = {name: rows[which.clip(0)] for name, rows in arrays.items()}
    return {**picked, "times_s": grid / rate_hz}
