"""Search in an index, in two stages.

All segments are compared with the query by a sketch; those that fit best are then compared
frame by frame and region by region, and the best of their windows are searched as a video
is.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from threadpoolctl import ThreadpoolController

from slta.errors import InputError
from slta.features.base import QueryFeatures
from slta.index import likeness
from slta.index.comparing import Comparison, Proposal, WindowGroup, likely_most
from slta.index.likeness import Sought
from slta.index.place import Place
from slta.index.records import Snapshot, Video, WindowPlace, read_window
from slta.index.segments import Bases
from slta.index.sketch import SMALL, Sketch
from slta.moments import Span
from slta.moments.segments import above_line
from slta.search import evidence
from slta.search.compact import Window
from slta.search.evidence import EVEN, STEEP
from slta.search.zero_shot import RATE_HZ, moments_of

MOST_WINDOWS = 400
"""Windows of an index with a sketch that are compared, at most, unless many moments are
wanted."""
SEGMENTS = 10
"""Segments of a window that are compared frame by frame."""
SEARCHED = 12
"""Windows among which the best moments are looked for at first."""
CAUTION = 1.0
"""Standard deviations by which a moment may be likelier than by the fit of its window."""
AT_ONCE = 4
"""Windows that are searched at once."""
A_WINDOW = 5
"""Maximum moments of a window."""
ALIKE = 10
"""Maximum moments of a window that are like an example."""
MORE = 20
"""Moments that are kept for each that is wanted, as some are joined or too many of a video."""
EDGE_S = 0.01
"""Distance of a moment from the edge of a window up to which it reaches the edge."""


class Located(NamedTuple):
    """A moment of a video of the index."""

    video: int
    span: Span
    score: float
    """Log odds that it shows what the query describes."""


class Searched:
    """What an index has of the videos, ready for queries: its segments, in memory."""

    def __init__(
        self, place: Place, snapshot: Snapshot, bases: Bases, sketch: Sketch | None
    ) -> None:
        """Without a sketch, every window is compared."""
        self._place, self._bases, self._sketch = place, bases, sketch
        self._videos, self._rows = snapshot.videos, snapshot.rows
        counts = [len(video.parts) for video in self._videos]
        firsts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        # Of each segment: its window.
        self._windows = firsts[snapshot.of] + snapshot.rows.windows
        if sketch is not None:
            of = np.repeat(np.arange(len(counts)), sketch.counts)
            sketched = firsts[of] + sketch.rows.windows
            # Of each window: its first segment in the sketch.
            self._firsts = np.searchsorted(sketched, np.arange(firsts[-1] + 1))
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
        per_video: int | None = None,
        every: bool = False,
        moments: Callable[[int, WindowPlace], list[Located]] | None = None,
    ) -> list[Located]:
        """The ``top`` best moments of the wanted videos, best first, ``per_video`` of each
        at most.

        ``moments`` are those in a part of a video, by its index; default: zero-shot. With
        ``every``, all windows are searched.
        """
        with _blas().limit(limits=1, user_api="blas"):
            return self._find(query, wanted, top, per_video, every, moments)

    def _find(
        self,
        query: QueryFeatures,
        wanted: Bool[np.ndarray, " v"],
        top: int,
        per_video: int | None,
        every: bool,
        moments: Callable[[int, WindowPlace], list[Located]] | None,
    ) -> list[Located]:
        most = sys.maxsize if every else max(MOST_WINDOWS, 4 * top)
        comparison = Comparison(
            query, self._proposals(query, wanted, most), self._read, self._penalty
        )
        count = len(self._video_of) if every else max(SEARCHED, 2 * top)
        found, searched = list[Located](), set[int]()
        # Of each searched window: how much likelier its best moment is than by its fit.
        more = list[float]()

        def search(numbers: Sequence[int]) -> list[list[Located]]:
            searched.update(numbers)
            if moments is None:
                parts = self._moments(query, numbers)
            else:
                parts = [moments(*self._part(number)) for number in numbers]
            found.extend(moment for part in parts for moment in part)
            return parts

        def best() -> list[Located]:
            found.sort(key=lambda moment: -moment.score)
            some = found[: MORE * top]
            videos = {moment.video for moment in some}
            # What goes on in the next window may be there less surely.
            some += [moment for moment in found[len(some) :] if moment.video in videos]
            return limited(joined(some, self._videos), per_video)[:top]

        while True:
            windows = comparison.best(count)
            left = [each for each in windows if each.number not in searched]
            for first in range(0, len(left), AT_ONCE):
                some = left[first : first + AT_ONCE]
                kept = [] if every or moments else best()
                likeliest = odds(some[0].fit) + likely_most(more, CAUTION)
                if len(kept) == top and kept[-1].score >= likeliest:
                    break
                for each, part in zip(
                    some, search([s.number for s in some]), strict=True
                ):
                    if part:
                        more.append(max(m.score for m in part) - odds(each.fit))
            else:
                # Only fits of zero-shot search can be compared with what was found.
                if len(windows) == count and not (moments and len(best()) == top):
                    count *= 2
                    continue
            break
        while beside := self._beside(kept := best()) - searched:
            search(sorted(beside))
        return kept

    def _beside(self, moments: Sequence[Located]) -> set[int]:
        """The windows next to those at whose edges moments begin or end."""
        numbers = set()
        for moment in moments:
            first = int(np.searchsorted(self._video_of, moment.video))
            parts = self._videos[moment.video].parts
            for number, part in enumerate(parts[1:], 1):
                edge_s = part.first / RATE_HZ
                if abs(moment.span.end - edge_s) < EDGE_S:
                    numbers.add(first + number)
                if abs(moment.span.start - edge_s) < EDGE_S:
                    numbers.add(first + number - 1)
        return numbers

    def find_like(
        self,
        sought: Sought,
        wanted: Bool[np.ndarray, " v"],
        *,
        top: int,
        per_video: int | None = None,
    ) -> list[Located]:
        """The ``top`` moments of the wanted videos that are most like an example, best
        first, ``per_video`` of each at most."""
        windows = np.flatnonzero(wanted[self._video_of])
        count = max(SMALL, 4 * top)
        if len(windows) > count:
            near = np.full(len(self._video_of), -np.inf)
            fits = sought.near(self._vectors, self._bases)
            np.maximum.at(near, self._windows, fits)
            windows = windows[np.argsort(-near[windows], kind="stable")]
        found, done = list[Located](), 0
        while True:
            for number in windows[done:count].tolist():
                found += self._alike(sought, number)
            found.sort(key=lambda moment: -moment.score)
            # Only what is alike: where something else begins, a shot ends.
            some = found[: MORE * top]
            alike = [moment for moment in some if moment.score > 0]
            some = joined(alike, self._videos) + some[len(alike) :]
            best = limited(some, per_video)[:top]
            if len(best) == top or count >= min(len(windows), MOST_WINDOWS):
                return best
            done, count = count, 2 * count

    @cached_property
    def _vectors(self) -> Float[np.ndarray, "n d"]:
        return self._rows.vectors.astype(np.float32)

    def _proposals(
        self, query: QueryFeatures, wanted: Bool[np.ndarray, " v"], most: int
    ) -> Iterator[Proposal]:
        """The wanted windows and their best segments, best first; all of them, in any
        order, if few are wanted or ``most`` is no limit."""
        windows = np.flatnonzero(wanted[self._video_of])
        if self._sketch is None or len(windows) <= SMALL or most == sys.maxsize:
            yield from map(Proposal, windows.tolist())
            return
        rows, firsts = self._sketch.rows, self._firsts
        fits = self._sketch.fits(query)
        heights = np.maximum.reduceat(fits, firsts[:-1]) - self._penalty
        order = windows[np.argsort(-heights[windows], kind="stable")]
        for number in order[:most].tolist():
            here = slice(*firsts[number : number + 2])
            lengths = rows.ends[here] - rows.starts[here]
            frames = _frames_of_best(fits[here], lengths)
            yield Proposal(number, frames, float(heights[number]))

    def _part(self, number: int) -> tuple[int, WindowPlace]:
        """Index of a window's video, and its part of it."""
        video = int(self._video_of[number])
        return video, self._videos[video].parts[self._part_of[number]]

    def _read(self, number: int) -> Window:
        video, part = self._part(number)
        return read_window(self._place, self._videos[video], part)

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


def _frames_of_best(
    fits: Float[np.ndarray, " n"], lengths: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " t"]:
    """The frames of a window's best segments, from the fits and lengths of all."""
    least = (
        np.partition(fits, -SEGMENTS)[-SEGMENTS] if len(fits) > SEGMENTS else -np.inf
    )
    best = np.repeat(fits >= least, lengths)
    # The frames next to them as well, as seconds begin at any frame.
    near = best.copy()
    near[1:] |= best[:-1]
    near[:-1] |= best[1:]
    return np.flatnonzero(near)


@cache
def _blas() -> ThreadpoolController:
    """The products here are small: threads would wait for each other."""
    return ThreadpoolController()


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
    first, last = sorted((one, other), key=lambda moment: moment.span.start)
    if abs(first.span.end - last.span.start) >= EDGE_S:
        return False
    edges = [part.first / RATE_HZ for part in videos[one.video].parts[1:]]
    return any(abs(first.span.end - edge) < EDGE_S for edge in edges)


def odds(fit: float) -> float:
    """Log odds of a moment whose best second fits so well."""
    return STEEP * (fit - EVEN)


def limited(found: Sequence[Located], per_video: int | None) -> list[Located]:
    """At most so many moments of each video."""
    counts = Counter[int]()
    kept = []
    for located in found:
        counts[located.video] += 1
        if per_video is None or counts[located.video] <= per_video:
            kept.append(located)
    return kept
