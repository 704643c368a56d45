"""The untrained model on plain lists: one frame, one region, one phrase at a time."""

from collections.abc import Sequence
from math import exp, sqrt
from statistics import mean, median, pstdev
from typing import NamedTuple

from slta.features.base import QueryFeatures, VideoFeatures
from slta.moments.segments import PEAK_S
from slta.search import evidence
from tests.reference import runs as slow

Vector = Sequence[float]
TINY = 1e-6


class Phrase(NamedTuple):
    """What a phrase finds in each frame."""

    fit: list[float]
    regions: list[list[float]]
    """Weights of each frame's regions."""


class Relevance(NamedTuple):
    curve: list[float]
    agreement: list[float]
    phrase_weights: list[float]
    region_weights: list[list[float]]


class Model:
    """A video, seen before sentences that have nothing to do with it."""

    def __init__(
        self, video: VideoFeatures, unrelated: Sequence[QueryFeatures], rate_hz: float
    ) -> None:
        self.unrelated = unrelated
        self.rate_hz = rate_hz
        # In each space and each frame: the whole picture, then its regions.
        assert video.frame_meanings is not None and video.region_meanings is not None
        self.places: list[list[list[list[float]]]] = [
            [[frame, *regions] for frame, regions in zip(*looks, strict=True)]
            for looks in (
                (video.frame_meanings.tolist(), video.region_meanings.tolist()),
                (video.frames.tolist(), video.regions.tolist()),
            )
        ]
        self.times = range(len(video.frames))
        self.reached = [
            [
                [self.reach(t, view, place) for place in range(self.count)]
                for view in range(len(spaces(unrelated[0], 0)))
            ]
            for t in self.times
        ]
        self.neighbours = [self.likeness(t) for t in self.times]
        self.change = self.shared(self.changes())

    @property
    def count(self) -> int:
        """The whole picture and its regions."""
        return len(self.places[0][0])

    def reach(self, t: int, view: int, place: int) -> tuple[float, float]:
        """Mean and spread of what the unrelated sentences reach there."""
        fits = [
            dot(self.places[view][t][place], spaces(query, 0)[view])
            for query in self.unrelated
        ]
        return mean(fits), pstdev(fits) + TINY

    def likeness(self, t: int) -> list[float]:
        """What every frame of the video counts for frame t."""
        frames = [place[0] for place in self.places[1]]
        middle = [mean(values) for values in zip(*frames, strict=True)]
        looks = [
            unit([a - b for a, b in zip(frame, middle, strict=True)])
            for frame in frames
        ]
        weights = []
        for other in self.times:
            away = abs(other - t)
            # Beyond that, nothing is kept; but the frames beside a frame always are.
            within = away <= max(1, round(2 * evidence.NEAR_S * self.rate_hz))
            near = (away / self.rate_hz / evidence.NEAR_S) ** 2
            unlike = evidence.LIKENESS * (1 - dot(looks[t], looks[other]))
            weights.append(exp(-unlike - near) if within else 0.0)
        return [weight / sum(weights) for weight in weights]

    def shared(self, values: Vector) -> list[float]:
        return [dot(weights, values) for weights in self.neighbours]

    def changes(self) -> list[float]:
        """Of each frame, that of the regions that change most."""

        def between(t: int, other: int, region: int) -> float:
            if other not in self.times:
                return 0.0
            looks = self.places[1]
            a, b = unit(looks[t][1 + region]), unit(looks[other][1 + region])
            return 1 - dot(a, b)

        found = []
        for t in self.times:
            lasting = sorted(
                min(between(t, t - 1, region), between(t, t + 1, region))
                for region in range(self.count - 1)
            )
            found.append(mean(lasting[-evidence.CHANGING :]))
        usual = median(found)
        spread = 1.48 * median(abs(value - usual) for value in found) + 0.01
        most = evidence.MOST_CHANGE
        return [min(max((value - usual) / spread, -most), most) for value in found]

    def phrase(self, query: QueryFeatures, p: int) -> Phrase:
        fits, attention = [], []
        for t in self.times:
            raw = [
                [dot(place, vector) for place in self.places[view][t]]
                for view, vector in enumerate(spaces(query, p))
            ]
            above = [
                mean(
                    self.above(query, p, raw[view][place], t, view, place)
                    for view in range(len(raw))
                )
                for place in range(self.count)
            ]
            weights = softmax([evidence.SHARPNESS * fit for fit in above[1:]])
            attention.append(weights)
            fits.append((above[0] + dot(weights, above[1:])) / 2)
        return Phrase(fits, attention)

    def above(
        self, query: QueryFeatures, p: int, fit: float, t: int, view: int, place: int
    ) -> float:
        """A fit among those of other sentences there, and of this one elsewhere."""
        level, spread = self.reached[t][view][place]
        among_sentences = (fit - level) / spread
        if query.usual is None:
            return among_sentences
        level, spread = query.usual[p][view].tolist()
        among_pictures = (fit - level) / spread
        share = evidence.PICTURES_SHARE
        return (1 - share) * among_sentences + share * among_pictures

    def relevance(self, query: QueryFeatures) -> Relevance:
        phrases = [self.phrase(query, p) for p in range(len(query.phrases))]
        curves = [self.shared(phrase.fit) for phrase in phrases]
        weights = even = [1.0]
        if len(phrases) > 1:
            count = len(phrases) - 1
            heights = [
                slow.peak(curve, self.peak_width) - median(curve)
                for curve in curves[1:]
            ]
            whole = evidence.SENTENCE_SHARE
            weights = [whole, *((1 - whole) * share for share in softmax(heights))]
            even = [whole, *[(1 - whole) / count] * count]
        moved = evidence.CHANGE_WEIGHT if query.action else 0.0
        return Relevance(
            curve=[
                dot(weights, fits) + moved * self.change[t]
                for t, fits in enumerate(zip(*curves, strict=True))
            ],
            agreement=[
                dot(even, [phrase.fit[t] for phrase in phrases]) for t in self.times
            ],
            phrase_weights=weights,
            region_weights=[
                [
                    dot(weights, [phrase.regions[t][r] for phrase in phrases])
                    for r in range(self.count - 1)
                ]
                for t in self.times
            ],
        )

    @property
    def peak_width(self) -> int:
        return max(1, round(PEAK_S * self.rate_hz))

    def confidence(self, query: QueryFeatures, known: float) -> float:
        agreement = self.relevance(query).agreement
        width = max(1, round(evidence.AGREES_S * self.rate_hz))
        fit = slow.peak(agreement, width)
        against = exp(-evidence.STEEP * (fit - evidence.EVEN))
        return known / (1 + sqrt(self.scenes) * against)

    @property
    def scenes(self) -> int:
        """Frames unlike all that were counted before them."""
        counted: list[list[float]] = []
        for frame, *_ in self.places[1]:
            look = unit(frame)
            if any(look) and all(dot(look, o) < evidence.SCENE for o in counted):
                counted.append(look)
        return len(counted) or 1


def spaces(query: QueryFeatures, p: int) -> list[list[float]]:
    """A phrase in each of the spaces where pictures are."""
    reached = float(query.attainable[p])
    meaning = [value / reached for value in query.meanings[p].tolist()]
    if query.appearances is None:
        return [meaning]
    return [meaning, query.appearances[p].tolist()]


def dot(a: Vector, b: Vector) -> float:
    return sum((x * y for x, y in zip(a, b, strict=True)), 0.0)


def unit(a: Vector) -> list[float]:
    length = sqrt(dot(a, a)) + TINY
    return [x / length for x in a]


def softmax(values: Vector) -> list[float]:
    powers = [exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]
