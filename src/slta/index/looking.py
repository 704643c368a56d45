"""Looking at a video: from its file to all that an index keeps of it."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slta.errors import InputError
from slta.features.base import VideoFeatures
from slta.index.scanning import State
from slta.index.segments import Bases, SegmentRows
from slta.moments import VideoInfo
from slta.progress import Progress
from slta.search.compact import Compact, Compactor
from slta.search.zero_shot import PIECE, RATE_HZ, ZeroShot

EARLIEST_S = datetime(1980, 1, 1, tzinfo=UTC).timestamp()
READ = 1 << 20
"""Bytes that are read at a time."""


@dataclass(frozen=True)
class Seen:
    """What an index keeps of a video."""

    id: str
    """Of its content: the SHA-256."""
    info: VideoInfo
    made_s: float
    """When it was recorded, in seconds since 1970; 0 if the file does not say."""
    frames: int
    scenes: float
    windows: tuple[bytes, ...]
    """Compact features."""
    firsts: tuple[int, ...]
    """Number of each window's first frame."""
    segments: SegmentRows

    @classmethod
    def of(
        cls,
        content: str,
        info: VideoInfo,
        made_s: float,
        compact: Compact,
        bases: Bases,
    ) -> "Seen":
        return cls(
            id=content,
            info=info,
            made_s=made_s,
            frames=len(compact),
            scenes=compact.scenes,
            windows=tuple(window.to_bytes() for window in compact.windows),
            firsts=tuple(window.first for window in compact.windows),
            segments=SegmentRows.of(compact.windows, bases),
        )


def content_of(path: Path, alive: Callable[[], object] = lambda: None) -> str:
    """SHA-256 of a file; ``alive`` is called again and again while it is read.

    Raises ``InputError`` if it cannot be read.
    """
    digest, buffer = hashlib.sha256(), bytearray(READ)
    view = memoryview(buffer)
    try:
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(buffer):
                digest.update(view[:size])
                alive()
        return digest.hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); allow access to it"
        ) from error


def look_at(
    path: Path,
    content: str,
    model: ZeroShot,
    bases: Bases,
    *,
    keep: bool = False,
    progress: Progress | None = None,
) -> Seen:
    """What an index keeps of a file with that content; with ``keep``, the full features
    are put into the store as well.

    Raises ``InputError`` for a file that is not a video, or changed meanwhile.
    """
    from slta import video

    before = State.of(path)
    info = video.probe(path)
    compactor = Compactor(model.unrelated, RATE_HZ)
    for piece in _pieces(path, model, keep, progress):
        compactor.add(piece)
        if progress and not keep:
            progress(min(compactor.frames / RATE_HZ, info.duration_s), info.duration_s)
    compact = compactor.finish()
    with suppress(OSError):
        if State.of(path) == before:
            return Seen.of(content, info, recorded_s(path), compact, bases)
    raise InputError(f"{path} changed while it was read; index it again")


def _pieces(
    path: Path, model: ZeroShot, keep: bool, progress: Progress | None
) -> Iterator[VideoFeatures]:
    library = model.library
    if not (keep or library.recalled(path)):
        yield from library.pieces(path)
        return
    _, features = library.read(path, progress=progress)
    for first in range(0, len(features.times_s), PIECE):
        yield features.part(first, first + PIECE)


def recorded_s(path: Path) -> float:
    """When a video was recorded, by its metadata; 0 if they do not say."""
    from slta.video.opening import tags_of

    tag = tags_of(path).get("creation_time", "")
    with suppress(ValueError):
        time = datetime.fromisoformat(tag.strip())
        seconds = time.replace(tzinfo=time.tzinfo or UTC).timestamp()
        # Cameras without a clock begin at 1904 or 1970.
        return seconds if seconds > EARLIEST_S else 0.0
    return 0.0
