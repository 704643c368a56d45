"""Search in an index, in two stages.

All segments are compared with the query by their mean frames; the windows with the best of
them are then compared frame by frame and region by region, and the best of these are
searched as a video is.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from slta.errors import InputError
from slta.features.base import QueryFeatures
from slta.index import likeness
from slta.index.likeness import Sought
from slta.index.place import Place
from slta.index.records import Snapshot, Video, WindowPlace
from slta.index.segments import Bases, Probe
from slta.moments import Span
from slta.moments.segments import above_line, peak
from slta.search import evidence
from slta.search.compact import ALL, MOST, Frames, Window
from slta.search.evidence import AGREES_S, STEEP
from slta.search.zero_shot import RATE_HZ, moments_of

WINDOWS = 112
"""Windows that the first stage proposes, at least."""
SEARCHED = 12
"""Of these, those that are searched, at least."""
A_WINDOW = 5
"""Maximum moments of a window."""
ALIKE = 10
"""Maximum moments of a window that are like an example."""
MORE = 20
"""Moments that are kept for each that is wanted, as some are joined or too many of a video."""
COMPONENTS = 64
"""Components of each space by which proposed windows are compared."""
SEGMENTS = 12
"""Segments of a proposed window that are compared frame by frame, on average."""
GROUP = 16
"""Windows compared at once, which fit a core's cache."""
EDGE_S = 0.01
"""Distance of a moment from the edge of a window up to which it reaches the edge."""


Item = TypeVar("Item")
Made = TypeVar("Made")


class Located(NamedTuple):
    """A moment of a video of the index."""

    video: int
    span: Span
    score: float
    """Log odds that it shows what the query describes."""


class Searched:
    """What an index has of the videos, ready for queries: its segments, in memory."""

    def __init__(self, place: Place, snapshot: Snapshot, bases: Bases) -> None:
        self._place, self._bases = place, bases
        self._videos = snapshot.videos
        rows = snapshot.rows
        self._vectors = rows.vectors.astype(np.float32)
        self._levels = np.asarray(rows.levels, np.float32)
        counts = [len(video.parts) for video in self._videos]
        firsts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._windows = firsts[snapshot.of] + rows.windows
        # Of each segment: its frames, counted from the start of its window.
        starts = np.array(
            [part.first for video in self._videos for part in video.parts], np.int64
        )[self._windows]
        self._spans = np.stack([rows.starts - starts, rows.ends - starts], axis=1)
        scenes = np.array([video.scenes for video in self._videos], np.float32)
        # Of each window: its video, its number there, and what the scenes take from it.
        self._video_of = np.repeat(np.arange(len(counts)), counts)
        self._part_of = np.concatenate([np.zeros(0, int), *map(np.arange, counts)])
        self._penalty = np.repeat(np.log(scenes) / 2 / STEEP, counts)

    def find(
        self,
        query: QueryFeatures,
        wanted: Bool[np.ndarray, " v"],
        *,
        top: int,
        proposed: int | None = None,
        moments: Callable[[int, WindowPlace], list[Located]] | None = None,
    ) -> list[Located]:
        """The best moments of the wanted videos, best first; every video may have many.

        ``moments`` are those in a part of a video, by its index; default: zero-shot.

        With ``proposed``, so many windows are compared frame by frame and searched; by
        default as many as ``top`` needs.
        """
        count = max(WINDOWS, 4 * top) if proposed is None else proposed
        searched = max(SEARCHED, 2 * top) if proposed is None else proposed
        proposals = self._propose(query, wanted, count)
        heights = self._grouped(proposals, partial(self._heights, query))
        order = np.argsort([-height for height in heights], kind="stable")[:searched]
        best = [proposals[i].number for i in order.tolist()]
        if moments is None:
            parts = self._grouped(best, partial(self._moments, query))
        else:
            parts = [moments(*self._part(number)) for number in best]
        found = [moment for part in parts for moment in part]
        found.sort(key=lambda moment: -moment.score)
        return joined(found[: MORE * top], self._videos)

    def _grouped(
        self, items: Sequence[Item], made: Callable[[Sequence[Item]], list[Made]]
    ) -> list[Made]:
        """What is made of windows, group by group; threads would wait for each other."""
        groups = [items[i : i + GROUP] for i in range(0, len(items), GROUP)]
        return [each for part in map(made, groups) for each in part]

    def find_like(
        self,
        sought: Sought,
        wanted: Bool[np.ndarray, " v"],
        *,
        top: int,
        proposed: int | None = None,
    ) -> list[Located]:
        """The moments of the wanted videos that are most like an example, best first."""
        numbers = np.flatnonzero(wanted[self._video_of])
        count = max(WINDOWS, 4 * top) if proposed is None else proposed
        if len(numbers) > count:
            near = np.full(len(self._video_of), -np.inf)
            fits = sought.near(self._vectors, self._bases)
            np.maximum.at(near, self._windows, fits)
            numbers = numbers[np.argpartition(-near[numbers], count)[:count]]
        parts = self._grouped(
            numbers.tolist(), lambda group: [self._alike(sought, n) for n in group]
        )
        found = [moment for part in parts for moment in part]
        found.sort(key=lambda moment: -moment.score)
        found = found[: MORE * top]
        # Only what is alike: where something else begins, a shot ends.
        alike = [moment for moment in found if moment.score > 0]
        return joined(alike, self._videos) + found[len(alike) :]

    def _propose(
        self, query: QueryFeatures, wanted: Bool[np.ndarray, " v"], count: int
    ) -> "list[Proposal]":
        """The windows with the best segments, and these."""
        windows = np.flatnonzero(wanted[self._video_of])
        if len(windows) <= count:
            return [Proposal(number) for number in windows.tolist()]
        fits = Probe.of(query, self._bases).fits(self._vectors, self._levels)
        fits -= self._penalty[self._windows]
        heights = np.full(len(self._video_of), -np.inf, np.float32)
        np.maximum.at(heights, self._windows, fits)
        best = np.argpartition(-heights[windows], count)[:count]
        chosen = np.zeros(len(self._video_of), bool)
        chosen[windows[best]] = True
        rows = np.flatnonzero(chosen[self._windows])
        if len(rows) > (most := SEGMENTS * count):
            rows = np.sort(rows[np.argpartition(-fits[rows], most)[:most]])
        numbers, firsts = np.unique(self._windows[rows], return_index=True)
        return [
            Proposal(number, self._frames(part))
            for number, part in zip(
                numbers.tolist(), np.split(rows, firsts[1:]), strict=True
            )
        ]

    def _frames(self, rows: Int[np.ndarray, " n"]) -> Int[np.ndarray, " t"]:
        """The frames of segments of one window."""
        return np.concatenate([np.arange(*self._spans[row]) for row in rows.tolist()])

    def _part(self, number: int) -> tuple[int, WindowPlace]:
        """Index of a window's video, and its part of it."""
        video = int(self._video_of[number])
        return video, self._videos[video].parts[self._part_of[number]]

    def _read(self, number: int) -> Window:
        index, part = self._part(number)
        video = self._videos[index]
        try:
            data = self._place.read(video.file, part.start, part.size)
            window = Window.from_buffer(data)
            if (window.first, window.end) != (part.first, part.end):
                raise ValueError("it holds another part of the video")
            return window
        except (OSError, ValueError) as error:
            raise InputError(
                f"{video.file} of the index {self._place} is damaged ({error}); "
                "'slta index verify' repairs it"
            ) from error

    def _heights(
        self, query: QueryFeatures, proposals: "Sequence[Proposal]"
    ) -> list[float]:
        """How well the best second of each window fits the query, nearly."""
        numbers, frames = zip(*proposals, strict=True)
        group = WindowGroup([*map(self._read, numbers)], COMPONENTS, frames)
        return [
            _best_second(evidence.agreement_of(part), of) - float(self._penalty[number])
            for number, of, part in zip(
                numbers, frames, group.by_phrase(query), strict=True
            )
        ]

    def _moments(
        self, query: QueryFeatures, numbers: Sequence[int]
    ) -> list[list[Located]]:
        group = WindowGroup([self._read(number) for number in numbers])
        parts = zip(numbers, group.windows, group.by_phrase(query), strict=True)
        return [self._located(query, *part) for part in parts]

    def _located(
        self,
        query: QueryFeatures,
        number: int,
        window: Window,
        alone: Float[np.ndarray, "t p"],
    ) -> list[Located]:
        """The moments of a window."""
        video = int(self._video_of[number])
        facts = self._videos[video]
        background = window.background(facts.scenes)
        curve, _ = evidence.curve_of(alone, query, background, rate_hz=RATE_HZ)
        agreement = evidence.agreement_of(alone)
        if not np.isfinite(curve).all():
            raise InputError(
                f"{facts.file} of the index {self._place} has values that are not finite; "
                "'slta index verify' repairs it"
            )
        start_s = window.first / RATE_HZ
        length_s = min(window.end / RATE_HZ, facts.duration_s) - start_s
        moments = moments_of(
            above_line(curve, rate_hz=RATE_HZ), facts.id, length_s, top=A_WINDOW
        )
        found = []
        for moment in moments:
            first = int(moment.span.start * RATE_HZ)
            end = max(first + 1, math.ceil(moment.span.end * RATE_HZ))
            odds = evidence.log_odds(
                agreement[first:end], facts.scenes, rate_hz=RATE_HZ
            )
            span = Span(start_s + moment.span.start, start_s + moment.span.end)
            found.append(Located(video, span, odds))
        return found

    def _alike(self, sought: Sought, number: int) -> list[Located]:
        """Moments of each shot, so that those of one do not hide those of another."""
        window = self._read(number)
        curve = sought.likeness(window)
        video = int(self._video_of[number])
        facts = self._videos[video]
        if not np.isfinite(curve).all():
            raise InputError(
                f"{facts.file} of the index {self._place} has values that are not finite; "
                "'slta index verify' repairs it"
            )
        found = []
        for first, end in likeness.shots(window):
            start_s = (window.first + first) / RATE_HZ
            length_s = min((window.first + end) / RATE_HZ, facts.duration_s) - start_s
            shot = curve[first:end]
            height = above_line(shot, rate_hz=RATE_HZ)
            for moment in moments_of(height, facts.id, length_s, top=A_WINDOW):
                begin = int(moment.span.start * RATE_HZ)
                stop = max(begin + 1, math.ceil(moment.span.end * RATE_HZ))
                odds = likeness.log_odds(shot[begin:stop], facts.scenes)
                span = Span(start_s + moment.span.start, start_s + moment.span.end)
                found.append(Located(video, span, odds))
        return sorted(found, key=lambda moment: -moment.score)[:ALIKE]


class Proposal(NamedTuple):
    """A window, and the frames of its best segments."""

    number: int
    frames: Frames = ALL


def _best_second(agreement: Float[np.ndarray, " t"], frames: Frames) -> float:
    """The best mean of two consecutive frames; of a frame without another, its own."""
    if isinstance(frames, slice) or len(agreement) < 2:
        return peak(agreement, rate_hz=RATE_HZ, width_s=AGREES_S)
    follows = np.diff(frames) == 1
    pairs = (agreement[1:] + agreement[:-1])[follows] / 2
    return float(pairs.max() if len(pairs) else agreement.max())


class WindowGroup(NamedTuple):
    """Windows that are compared at once, which takes less time than one by one."""

    windows: list[Window]
    components: int = MOST
    """Components of each space by which they are compared."""
    frames: Sequence[Frames] = ()
    """Which frames of each; of all windows all by default."""

    def by_phrase(self, query: QueryFeatures) -> list[Float[np.ndarray, "_ p"]]:
        """``evidence.by_phrase`` of each window."""
        joined = evidence.by_phrase(self, query, self)
        counts = [levels.shape[3] for levels in self._parts]
        return np.split(joined, np.cumsum(counts)[:-1])

    def fits(self, views: evidence.Views) -> Iterator[Float[np.ndarray, "v p s _"]]:
        parts = [
            fits
            for window, frames in self._pairs
            for fits in window.fits(views, self.components, frames)
        ]
        yield np.concatenate(parts, axis=3)

    @property
    def _pairs(self) -> Iterator[tuple[Window, Frames]]:
        frames = self.frames or [ALL] * len(self.windows)
        return zip(self.windows, frames, strict=True)

    @property
    def _parts(self) -> list[Float[np.ndarray, "2 v s _"]]:
        return [window.levels[..., frames] for window, frames in self._pairs]

    @property
    def mean(self) -> Float[np.ndarray, "t v s"]:
        return self._levels[0]

    @property
    def spread(self) -> Float[np.ndarray, "t v s"]:
        return self._levels[1]

    @property
    def _levels(self) -> Float[np.ndarray, "2 t v s"]:
        levels = np.concatenate(self._parts, axis=3)
        return np.moveaxis(levels.astype(np.float32), 3, 1)


def joined(moments: Sequence[Located], videos: Sequence[Video]) -> list[Located]:
    """Moments that one window ends with and the next begins with, as one."""
    kept: list[Located] = []
    for moment in moments:
        for i, other in enumerate(kept):
            if moment.video == other.video and _are_one(moment, other, videos):
                span = Span(
                    min(moment.span.start, other.span.start),
                    max(moment.span.end, other.span.end),
                )
                kept[i] = other._replace(span=span)
                break
        else:
            kept.append(moment)
    return kept


def _are_one(one: Located, other: Located, videos: Sequence[Video]) -> bool:
    edges = [part.first / RATE_HZ for part in videos[one.video].parts[1:]]
    return any(
        abs(first.span.end - edge) < EDGE_S and abs(last.span.start - edge) < EDGE_S
        for first, last in ((one, other), (other, one))
        for edge in edges
    )


def limited(found: Sequence[Located], per_video: int | None) -> list[Located]:
    """At most so many moments of each video."""
    counts = Counter[int]()
    kept = []
    for located in found:
        counts[located.video] += 1
        if per_video is None or counts[located.video] <= per_video:
            kept.append(located)
    return kept
