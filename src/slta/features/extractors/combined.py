"""Frames of one extractor with regions of another, at the same rate, as in SLTA's paper:
C3D's clips with a detector's objects."""

from collections.abc import Iterator
from pathlib import Path

from slta.features.base import Extractor, Prepared, QueryFeatures, Steps, VideoFeatures


class Combined:
    """Queries are read by the first extractor."""

    common_space = False

    def __init__(self, frames: Extractor, regions: Extractor) -> None:
        self._frames, self._regions = frames, regions
        self.id = f"{frames.id}+{regions.id}"

    @property
    def version(self) -> str:
        return f"{self._frames.version}+{self._regions.version}"

    def prepare(self, steps: Steps | None = None) -> None:
        for part in (self._frames, self._regions):
            if isinstance(part, Prepared):
                part.prepare(steps)

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        watched = (
            part.watch(path, rate_hz=rate_hz) for part in (self._frames, self._regions)
        )
        for frames, regions in abreast(*watched):
            yield VideoFeatures(
                times_s=frames.times_s,
                frames=frames.frames,
                regions=regions.regions,
                boxes=regions.boxes,
            )

    def text(self, query: str) -> QueryFeatures:
        return self._frames.text(query)


def abreast(
    first: Iterator[VideoFeatures], second: Iterator[VideoFeatures]
) -> Iterator[tuple[VideoFeatures, VideoFeatures]]:
    """Pairs of pieces of the same samples.

    Raises ``ValueError`` if one extractor ends before the other.
    """
    one = other = None
    while True:
        one = one or next(first, None)
        other = other or next(second, None)
        if one is None or other is None:
            break
        n = min(len(one.times_s), len(other.times_s))
        yield one.part(0, n), other.part(0, n)
        one, other = _rest(one, n), _rest(other, n)
    if one is not other:
        raise ValueError(
            "two extractors made different numbers of samples of one video"
        )


def _rest(piece: VideoFeatures, done: int) -> VideoFeatures | None:
    n = len(piece.times_s)
    return piece.part(done, n) if done < n else None
