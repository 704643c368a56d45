"""Zero-shot relevance of frames, without learned parameters, in a common space.

Phrases attend to regions, frames share evidence with nearby frames that look alike,
phrases are weighted by how much they discriminate the video's frames, and a verb of action
favours frames with change.

Similarities are normalised twice, like scores in speaker verification: by those of
unrelated sentences at the same place (t-norm: Auckenthaler, Carey and Lloyd-Thomas, Digital
Signal Processing 2000), and by those of the same phrase with other pictures (z-norm:
Reynolds, Eurospeech 1997). Without the second, a phrase that resembles everything is found
everywhere.

Shapes: t frames, r regions, s sights (a frame, then its regions), p phrases, v views
(the spaces in which frames and phrases can be compared), u unrelated sentences. Fits are
"v p s t", as arithmetic is fastest along the longest axis.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures, VideoFeatures, rows
from slta.moments.segments import peak

VERSION = 3
"""Version of ``background``, for the store."""
SHARPNESS = 3.0
"""Inverse temperature of the attention over regions."""
LIKENESS = 5.0
"""Inverse temperature of the attention among frames."""
NEAR_S = 5.0
"""Width of the attention among frames, in seconds."""
CHANGE_WEIGHT = 0.25
"""Weight of a frame's change for queries with an action."""
CHANGING = 3
"""Regions that must change for a frame to change."""
MOST_CHANGE = 4.0
"""Bound of change, in standard deviations."""
SENTENCE_SHARE = 0.7
"""Weight of the whole sentence; its noun phrases share the rest."""
PICTURES_SHARE = 0.5
"""Weight of the z-norm, relative to the t-norm."""
AGREES_S = 1.0
"""Window of the mean similarity that determines the confidence, in seconds."""
EVEN, STEEP = 1.45, 3.33
"""The fit at which a query is as likely there as not, and how fast that changes, both as
``benchmarks/calibration.py`` found them."""
SCENE = 0.5
"""Cosine of two frames below which they show different scenes."""
CHUNK = 256
"""Frames computed at a time, so that memory does not grow with the video."""


Views = Sequence[Float[np.ndarray, "p _"]]
"""Phrases in each space that they share with frames."""


@runtime_checkable
class Sights(Protocol):
    """Frames and their regions, which can be compared with phrases."""

    def fits(self, views: Views) -> Iterator[Float[np.ndarray, "v p s _"]]:
        """Dot products with phrases, of consecutive frames."""
        ...


@runtime_checkable
class Levels(Protocol):
    """Fits of unrelated sentences: a ``Background``, or a part of it."""

    @property
    def mean(self) -> Float[np.ndarray, "t v s"]: ...

    @property
    def spread(self) -> Float[np.ndarray, "t v s"]: ...


@dataclass(frozen=True, slots=True)
class Background:
    """How a video looks to sentences that have nothing to do with it.

    Computed once for a video; a query then costs a few dot products a region.
    """

    mean: Float[np.ndarray, "t v s"]
    """Of the unrelated sentences' fit to the frame (first) and to its regions."""
    spread: Float[np.ndarray, "t v s"]
    likeness: Float[np.ndarray, "t n"]
    """Weights of a frame's neighbours, n of them, itself in the middle; sum to 1."""
    change: Float[np.ndarray, " t"]
    """How much a frame differs from the one before and from the one after it, in
    standard deviations above the video's median."""
    scenes: Float[np.ndarray, " 1"]
    """How many different scenes the video shows."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """What a query finds in a video, and why."""

    curve: Float[np.ndarray, " t"]
    """How well the query fits each frame, in standard deviations."""
    agreement: Float[np.ndarray, " t"]
    """The same of each frame by itself, without its neighbours and without change."""
    phrase_weights: Float[np.ndarray, " p"]
    """Sum to 1."""
    region_weights: Float[np.ndarray, "t r"]
    """Sum to 1 over the regions of a frame."""


@cache
def unrelated_sentences() -> tuple[str, ...]:
    """Descriptions of everyday events, each unlikely in a given video."""
    text = files("slta.search").joinpath("unrelated.txt").read_text()
    return tuple(text.splitlines())


def background(
    video: VideoFeatures, unrelated: Sequence[QueryFeatures], *, rate_hz: float
) -> Background:
    mean, spread = levels(Vectors(video), unrelated)
    return Background(
        mean=mean,
        spread=spread,
        **neighbours(video.frames, steps_of(video.regions), rate_hz=rate_hz),
    )


def levels(
    video: Sights, unrelated: Sequence[QueryFeatures]
) -> tuple[Float[np.ndarray, "t v s"], Float[np.ndarray, "t v s"]]:
    """``mean`` and ``spread`` of a ``Background``."""
    sentences = _stack([[vectors[:1] for vectors in views_of(q)] for q in unrelated])
    parts = [_level(fits) for fits in video.fits(sentences)]
    mean, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
    return mean, spread


def neighbours(
    frames: Float[np.ndarray, "t d"], steps: Float[np.ndarray, "t r"], *, rate_hz: float
) -> dict[str, Float[np.ndarray, "..."]]:
    """What in a ``Background`` needs all frames; ``steps`` are those of ``steps_of``."""
    likeness = _likeness(frames, rate_hz=rate_hz)
    return {
        "likeness": likeness,
        "change": share(_change(steps)[:, None], likeness)[:, 0],
        "scenes": np.array([_scenes(frames)], np.float32),
    }


class Vectors:
    """The sights of a video whose vectors are at hand."""

    def __init__(self, video: VideoFeatures) -> None:
        self._video = video

    def fits(self, views: Views) -> Iterator[Float[np.ndarray, "v p s _"]]:
        for first in range(0, len(self._video.frames), CHUNK):
            yield _raw_fits(self._video.part(first, first + CHUNK), views)


def relevance(
    video: VideoFeatures | Sights,
    query: QueryFeatures,
    unrelated: Background,
    *,
    rate_hz: float,
) -> Relevance:
    sights = Vectors(video) if isinstance(video, VideoFeatures) else video
    evidence = list(_evidence(sights, query, unrelated))
    alone = np.concatenate([e.by_phrase for e in evidence])
    curve, weights = curve_of(alone, query, unrelated, rate_hz=rate_hz)
    return Relevance(
        curve=curve,
        agreement=agreement_of(alone),
        phrase_weights=weights,
        region_weights=np.concatenate([e.region_weights @ weights for e in evidence]),
    )


def by_phrase(
    video: Sights, query: QueryFeatures, unrelated: Levels
) -> Float[np.ndarray, "t p"]:
    """How well each phrase fits each frame by itself, in standard deviations."""
    return np.concatenate([e.by_phrase for e in _evidence(video, query, unrelated)])


def agreement_of(alone: Float[np.ndarray, "t p"]) -> Float[np.ndarray, " t"]:
    """``Relevance.agreement``, from ``by_phrase``."""
    agreement: Float[np.ndarray, " t"] = alone @ even_weights(alone.shape[1])
    return agreement


def curve_of(
    alone: Float[np.ndarray, "t p"],
    query: QueryFeatures,
    unrelated: Background,
    *,
    rate_hz: float,
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " p"]]:
    """``Relevance.curve`` and the phrases' weights, from ``by_phrase``."""
    shared = share(alone, unrelated.likeness)
    return _curve(shared, query, unrelated.change, rate_hz=rate_hz)


def confidence(
    agreement: Float[np.ndarray, " t"],
    unrelated: Background,
    *,
    known: float,
    rate_hz: float,
) -> float:
    """Probability that a video with that agreement shows what the query describes, at a
    prior of 0.5. ``known`` is the share of the query's words that are English.

    The more scenes a video has, the likelier one of them agrees by chance.
    """
    odds = log_odds(agreement, float(unrelated.scenes[0]), rate_hz=rate_hz)
    return known / (1 + math.exp(-odds))


def log_odds(
    agreement: Float[np.ndarray, " t"], scenes: float, *, rate_hz: float
) -> float:
    """Logarithm of the odds that frames with that agreement, of a video with so many
    scenes, show what the query describes."""
    fit = peak(agreement, rate_hz=rate_hz, width_s=AGREES_S)
    return STEEP * (fit - EVEN) - math.log(scenes) / 2


def share(
    values: Float[np.ndarray, "t p"], likeness: Float[np.ndarray, "t n"]
) -> Float[np.ndarray, "t p"]:
    """Values averaged over nearby frames that look alike."""
    size = likeness.shape[1]
    padded = np.pad(values.T, ((0, 0), (size // 2, size // 2)))
    near = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)
    shared: Float[np.ndarray, "t p"] = np.einsum("ptn,tn->tp", near, likeness)
    return shared


def _likeness(
    frames: Float[np.ndarray, "t d"], *, rate_hz: float
) -> Float[np.ndarray, "t n"]:
    frames = np.asarray(frames, np.float32)
    looks = frames - frames.mean(axis=0)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True) + 1e-6
    reach = max(1, round(2 * NEAR_S * rate_hz))
    padded = np.pad(looks, ((reach, reach), (0, 0)))
    real = np.pad(np.ones(len(looks), bool), reach)
    weights = np.zeros((len(looks), 2 * reach + 1), np.float32)
    for i in range(2 * reach + 1):
        away_s = (i - reach) / rate_hz
        cosine = np.einsum("td,td->t", looks, padded[i : i + len(looks)])
        weight = np.exp(LIKENESS * (cosine - 1) - (away_s / NEAR_S) ** 2)
        weights[:, i] = np.where(real[i : i + len(looks)], weight, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def _scenes(frames: Float[np.ndarray, "t d"]) -> int:
    """Number of scenes: frames unlike all previous scenes; at least 1."""
    counted = np.empty((0, frames.shape[1]), np.float32)
    for first in range(0, len(frames), CHUNK):
        looks = rows(frames, first, first + CHUNK)
        for look in looks / (np.linalg.norm(looks, axis=1, keepdims=True) + 1e-6):
            if look.any() and (counted @ look).max(initial=-1) < SCENE:
                counted = np.concatenate([counted, look[None]])
    return max(1, len(counted))


def _level(
    fits: Float[np.ndarray, "v u s t"],
) -> tuple[Float[np.ndarray, "t v s"], Float[np.ndarray, "t v s"]]:
    mean, spread = fits.mean(axis=1), fits.std(axis=1) + 1e-6
    return np.moveaxis(mean, 2, 0), np.moveaxis(spread, 2, 0)


class _Evidence(NamedTuple):
    by_phrase: Float[np.ndarray, "t p"]
    region_weights: Float[np.ndarray, "t r p"]


def _evidence(
    video: Sights, query: QueryFeatures, unrelated: Levels
) -> Iterator[_Evidence]:
    """Evidence of the phrases in the frames, in chunks."""
    done = 0
    for raw in video.fits(views_of(query)):
        here = slice(done, done + raw.shape[3])
        done += raw.shape[3]
        mean, spread = (
            np.moveaxis(level[here], 0, 2)[:, None]
            for level in (unrelated.mean, unrelated.spread)
        )
        # In place, as these arrays are large.
        fit = raw - mean
        if query.usual is None:
            fit /= spread
        else:
            usual, usual_spread = query.usual.T[:, :, :, None, None]
            fit *= (1 - PICTURES_SHARE) / spread
            raw -= usual
            raw *= PICTURES_SHARE / usual_spread
            fit += raw
        fit = fit.mean(axis=0)
        regions = fit[:, 1:]
        weights = regions - regions.max(axis=1, keepdims=True)
        weights *= SHARPNESS
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=1, keepdims=True)
        attended = np.einsum("prt,prt->pt", weights, regions)
        yield _Evidence((fit[:, 0] + attended).T / 2, weights.T)


def views_of(query: QueryFeatures) -> list[Float[np.ndarray, "p _"]]:
    """The query's phrases in each space that it shares with frames."""
    meanings = query.meanings / query.attainable[:, None]
    return [meanings] if query.appearances is None else [meanings, query.appearances]


def _stack(
    queries: Sequence[Sequence[Float[np.ndarray, "_ _"]]],
) -> list[Float[np.ndarray, "_ _"]]:
    return [np.concatenate(view) for view in zip(*queries, strict=True)]


def _raw_fits(video: VideoFeatures, phrases: Views) -> Float[np.ndarray, "v p s t"]:
    if video.frame_meanings is None or video.region_meanings is None:
        raise ValueError(
            "features without a common space cannot be compared with a sentence; they "
            "need a trained model"
        )
    spaces = [
        (video.frame_meanings, video.region_meanings),
        (video.frames, video.regions),
    ]
    fits = []
    for (frames, regions), vectors in zip(spaces, phrases, strict=False):
        sights = np.concatenate([frames[:, None], regions], axis=1)
        # One product of large matrices, not one for every frame.
        flat = sights.reshape(-1, sights.shape[2]) @ vectors.T
        fits.append(flat.reshape(*sights.shape[:2], -1).T)
    return np.stack(fits)


def steps_of(regions: Float[np.ndarray, "t r d"]) -> Float[np.ndarray, "t r"]:
    """How much each region differs from the frame before, from 0 to 2; 0 in the first."""
    steps = np.zeros(regions.shape[:2], np.float32)
    for first in range(0, len(regions) - 1, CHUNK):
        looks = rows(regions, first, first + CHUNK + 1)
        looks = looks / (np.linalg.norm(looks, axis=2, keepdims=True) + 1e-6)
        cosines = np.einsum("trd,trd->tr", looks[1:], looks[:-1])
        steps[first + 1 : first + 1 + len(cosines)] = 1 - cosines
    return steps


def _change(steps: Float[np.ndarray, "t r"]) -> Float[np.ndarray, " t"]:
    """Ongoing change; a cut differs on one side only, so it does not count."""
    steps = np.concatenate([steps, np.zeros_like(steps[:1])])
    both = np.sort(np.minimum(steps[:-1], steps[1:]), axis=1)
    change = both[:, -CHANGING:].mean(axis=1)
    above = change - np.median(change)
    # 1.48 median deviations estimate the standard deviation; 0.01 for still videos.
    spread = 1.48 * np.median(np.abs(above)) + 0.01
    clipped: Float[np.ndarray, " t"] = np.clip(
        above / spread, -MOST_CHANGE, MOST_CHANGE
    )
    return clipped


def _curve(
    by_phrase: Float[np.ndarray, "t p"],
    query: QueryFeatures,
    change: Float[np.ndarray, " t"],
    *,
    rate_hz: float,
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " p"]]:
    """Relevance of the frames, and the weights of the phrases."""
    weights = _weigh(by_phrase, rate_hz=rate_hz)
    curve = by_phrase @ weights
    return (curve + CHANGE_WEIGHT * change if query.action else curve), weights


def _weigh(
    by_phrase: Float[np.ndarray, "t p"], *, rate_hz: float
) -> Float[np.ndarray, " p"]:
    """Phrase weights, by how far their best frames stand out in this video."""
    if by_phrase.shape[1] == 1:
        return np.ones(1)
    heights = np.array(
        [
            peak(curve, rate_hz=rate_hz) - float(np.median(curve))
            for curve in by_phrase[:, 1:].T
        ]
    )
    weights = np.exp(heights - heights.max())
    weights *= (1 - SENTENCE_SHARE) / weights.sum()
    return np.array([SENTENCE_SHARE, *weights])


def even_weights(phrases: int) -> Float[np.ndarray, " p"]:
    """Equal weights of noun phrases."""
    if phrases == 1:
        return np.ones(1)
    share = (1 - SENTENCE_SHARE) / (phrases - 1)
    return np.array([SENTENCE_SHARE, *[share] * (phrases - 1)])
