"""A sketch of an index's videos, by which windows are proposed for a sentence.

Windows are divided into segments where what they show changes, for a sentence. Of each
segment the sights that differ most are kept, as 8-bit numbers.

Shapes: n segments, s sights, d numbers of a sight, t frames, r regions, v videos.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import safetensors.numpy
import simsimd
from jaxtyping import Bool, Float, Int, Int8

from slta.features.ahead import cores
from slta.features.base import QueryFeatures
from slta.index.directions import Directions
from slta.index.place import Place
from slta.index.records import Video, WindowPlace, read_window
from slta.search.compact import Window, views

FILE = "sketch.safetensors"
FORMAT = 1
SMALL = 112
"""Windows of an index without a sketch: all of them are compared."""
SIGHTS = 8
"""Maximum sights of a segment."""
LONGEST = 16
"""Maximum frames of a segment."""
CHANGE = 0.33
"""Change of a sight that ends a segment: of its fit to a sentence, in standard deviations."""
LEARNT_FROM = 240
"""Windows from which the directions are learnt."""
GROWN = 4
"""They are learnt anew when an index has so many times the windows."""


Unrelated = Callable[[], Sequence[QueryFeatures]]
"""Reads the unrelated sentences, which only a new sketch needs."""


class SketchRows(NamedTuple):
    """Segments of a video or of many."""

    windows: Int[np.ndarray, " n"]
    """Number of the window in its video."""
    starts: Int[np.ndarray, " n"]
    """First frame, counted from the start of the window."""
    ends: Int[np.ndarray, " n"]
    sights: Int8[np.ndarray, "s n d"]

    @classmethod
    def of(cls, windows: Sequence[Window], directions: Directions) -> "SketchRows":
        parts = []
        for number, window in enumerate(windows):
            sights = directions.of_window(window)
            starts = segments_of(sights)
            kept = [
                most_different(segment.reshape(-1, segment.shape[2]))
                for segment in np.split(sights, starts[1:])
            ]
            numbers = np.full(len(starts), number, np.int32)
            ends = np.append(starts[1:], len(window)).astype(np.int32)
            codes = directions.codes(np.stack(kept, axis=1))
            parts.append(cls(numbers, starts.astype(np.int32), ends, codes))
        return cls.joined(parts)

    @classmethod
    def joined(cls, parts: Sequence["SketchRows"]) -> "SketchRows":
        windows, starts, ends, sights = zip(*parts, strict=True)
        return cls(
            np.concatenate(windows),
            np.concatenate(starts),
            np.concatenate(ends),
            np.concatenate(sights, axis=1),
        )

    def are_of(self, parts: Sequence[WindowPlace]) -> bool:
        """Whether they cover these windows, all frames of each."""
        first = np.flatnonzero(self.starts == 0)
        counts = np.diff(np.append(first, len(self.starts)))
        lengths = np.array([part.end - part.first for part in parts], np.int64)
        if len(counts) != len(lengths) or (first[:1] != 0).any():
            return False
        numbers = _counted(np.array([part.first == 0 for part in parts], bool))
        ends = np.append(self.starts[1:], 0)
        ends[np.append(first[1:], len(ends)) - 1] = lengths
        return bool(
            (self.ends == ends).all()
            and (self.ends > self.starts).all()
            and (self.windows == np.repeat(numbers, counts)).all()
        )

    def part(self, first: int, end: int) -> "SketchRows":
        here = slice(first, end)
        return SketchRows(
            self.windows[here],
            self.starts[here],
            self.ends[here],
            self.sights[:, here],
        )


@dataclass(frozen=True)
class Sketch:
    """The segments of an index's videos, in the order of its windows."""

    videos: tuple[str, ...]
    """Their ids."""
    counts: Int[np.ndarray, " v"]
    """Segments of each."""
    rows: SketchRows
    directions: Directions
    learnt_from: int
    """Windows of the index when the directions were learnt."""
    is_kept: bool = False
    """Whether it was read."""

    def fits(self, query: QueryFeatures) -> Float[np.ndarray, " n"]:
        """How well the best sight of each segment fits a query, nearly, in standard
        deviations, plus a number that is the same for all."""
        asked = self.directions.of_query(query)
        scale = np.float32(np.abs(asked).max() / 127 + 1e-12)
        codes = np.rint(asked / scale).astype(np.int8)
        sights = self.rows.sights
        flat = sights.reshape(-1, sights.shape[2])
        fits = simsimd.cdist(
            codes[None], flat, "dot", threads=cores(), out_dtype="float32"
        )
        best = np.asarray(fits).reshape(sights.shape[:2]).max(axis=0)
        return scale * best

    @property
    def by_video(self) -> dict[str, SketchRows]:
        ends = np.cumsum(self.counts).tolist()
        return {
            video: self.rows.part(end - count, end)
            for video, end, count in zip(
                self.videos, ends, self.counts.tolist(), strict=True
            )
        }

    def to_bytes(self) -> bytes:
        """As a safetensors file."""
        facts = {
            "format": json.dumps(FORMAT),
            "videos": json.dumps(self.videos),
            "learnt_from": json.dumps(self.learnt_from),
        }
        arrays = self.rows._asdict() | {"counts": self.counts}
        arrays |= {f"{name}_of": a for name, a in self.directions._asdict().items()}
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        return bytes(safetensors.numpy.save(whole, facts))

    @classmethod
    def read(cls, place: Place) -> "Sketch | None":
        """None if there is none, and if it is damaged: it can be made again."""
        try:
            data = place.read(FILE)
            size = int.from_bytes(bytes(data[:8]), "little")
            facts = json.loads(bytes(data[8 : 8 + size]))["__metadata__"]
            if json.loads(facts["format"]) != FORMAT:
                return None
            arrays = views(data)
            sketch = cls(
                tuple(json.loads(facts["videos"])),
                arrays["counts"],
                SketchRows(**{name: arrays[name] for name in SketchRows._fields}),
                Directions(**{n: arrays[f"{n}_of"] for n in Directions._fields}),
                int(json.loads(facts["learnt_from"])),
                is_kept=True,
            )
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None
        return sketch if sketch._is_whole else None

    @property
    def _is_whole(self) -> bool:
        rows, count = self.rows, int(self.counts.sum())
        numbers = self.directions.sights.shape[-1]
        return (
            len(self.counts) == len(self.videos)
            and {len(column) for column in rows[:3]} == {count}
            and rows.sights.shape[1:] == (count, numbers)
        )


def sketch_of(
    place: Place, videos: Sequence[Video], unrelated: Unrelated
) -> Sketch | None:
    """The sketch of an index's videos; what is kept of them is not computed again. None
    for a small index.

    Raises ``InputError`` for damaged features.
    """
    parts = [part for video in videos for part in video.parts]
    if len(parts) <= SMALL:
        return None
    names = tuple(video.id for video in videos)
    kept = Sketch.read(place)
    if kept is not None and kept.videos == names and kept.rows.are_of(parts):
        return kept
    if kept is None or len(parts) >= GROWN * kept.learnt_from:
        every = [(video, part) for video in videos for part in video.parts]
        some = every[:: -(-len(every) // LEARNT_FROM)]
        windows = [read_window(place, *each) for each in some]
        directions = Directions.learnt(windows, unrelated())
        known, learnt_from = dict[str, SketchRows](), len(parts)
    else:
        directions, learnt_from = kept.directions, kept.learnt_from
        known = kept.by_video
        for video in videos:
            if video.id in known and not known[video.id].are_of(video.parts):
                del known[video.id]

    def rows(video: Video) -> SketchRows:
        if video.id in known:
            return known[video.id]
        windows = [read_window(place, video, part) for part in video.parts]
        return SketchRows.of(windows, directions)

    each = [rows(video) for video in videos]
    counts = np.array([len(rows.starts) for rows in each], np.int64)
    return Sketch(names, counts, SketchRows.joined(each), directions, learnt_from)


def draw(place: Place, videos: Sequence[Video], unrelated: Unrelated) -> None:
    """Keeps the sketch of an index's videos."""
    sketch = sketch_of(place, videos, unrelated)
    if sketch is not None and not sketch.is_kept:
        place.write(FILE, sketch.to_bytes())


def _counted(first: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Numbers from 0 on, again from each that is the first."""
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(first)))
    return np.arange(len(first)) - np.repeat(starts, counts)


def segments_of(sights: Float[np.ndarray, "t r d"]) -> Int[np.ndarray, " n"]:
    """First frames of the segments."""
    starts, mean = [0], sights[0]
    for t, sight in enumerate(sights[1:], 1):
        change = sight - mean
        count = t - starts[-1]
        if count < LONGEST and np.vecdot(change, change).max() <= CHANGE**2:
            mean = mean + change / (count + 1)
        else:
            starts.append(t)
            mean = sight
    return np.array(starts)


def most_different(sights: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "s d"]:
    """The one farthest from the mean, then each farthest from those chosen (Gonzalez,
    Theoretical Computer Science 1985)."""
    change = sights - sights.mean(axis=0)
    chosen = [int(np.vecdot(change, change).argmax())]
    away = np.full(len(sights), np.inf)
    while len(chosen) < SIGHTS:
        change = sights - sights[chosen[-1]]
        away = np.minimum(away, np.vecdot(change, change))
        chosen.append(int(away.argmax()))
    return sights[chosen]
