"""Retrieval without a learned parameter: the paper's idea in a given shared space.

Regions are attended to by what the sentence names, frames by frames that look alike,
phrases are weighted by how much they tell the video's frames apart. Every fit is
measured against what sentences that have nothing to do with the video reach at the
same place, so that 1 means one standard deviation above them.

Shapes: t frames, r regions, p phrases, v views (the spaces in which pictures and
phrases can be compared), u unrelated sentences.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures, VideoFeatures
from slta.runs import best_run, peak

VERSION = 1
"""Of what ``background`` computes and the store keeps."""
SHARPNESS = 3.0
"""Of the attention to regions: a standard deviation more counts e to that power."""
LIKENESS = 5.0
"""Of the attention among frames: a cosine of 0 counts e to minus that power."""
NEAR_S = 5.0
"""Frames further apart than that hardly share their evidence, however alike."""
SENTENCE_SHARE = 0.5
"""Weight of the whole sentence; its noun phrases share the rest."""
RELATED = 0.5
"""Cosine from which a sentence counts as related to the query."""
CHUNK = 256
"""Frames computed at a time, so that memory does not grow with the video."""


@dataclass(frozen=True, slots=True)
class Background:
    """How a video looks to sentences that have nothing to do with it.

    Computed once for a video; a query then costs a few dot products a region.
    """

    mean: Float[np.ndarray, "t v 1+r"]
    """Of the unrelated sentences' fit to the frame (first) and to its regions."""
    spread: Float[np.ndarray, "t v 1+r"]
    likeness: Float[np.ndarray, "t n"]
    """Weights of a frame's neighbours, n of them, itself in the middle; sum to 1."""
    fits: Float[np.ndarray, " u"]
    """How well each unrelated sentence fits its own best moment."""
    meanings: Float[np.ndarray, "u k"]


@dataclass(frozen=True, slots=True)
class Relevance:
    """What a query finds in a video, and why."""

    curve: Float[np.ndarray, " t"]
    """How well the query fits each frame, in standard deviations."""
    fit: Float[np.ndarray, " t"]
    """The same for the whole sentence and the whole frame in the sentences' space."""
    phrase_weights: Float[np.ndarray, " p"]
    """Sum to 1."""
    region_weights: Float[np.ndarray, "t r"]
    """Over the regions of a frame they sum to 1."""


@cache
def unrelated_sentences() -> tuple[str, ...]:
    """Everyday events, none of which is likely to be in a given video."""
    text = files("slta.models").joinpath("unrelated.txt").read_text()
    return tuple(text.splitlines())


def background(
    video: VideoFeatures, unrelated: Sequence[QueryFeatures], *, rate_hz: float
) -> Background:
    likeness = _likeness(video.frames, rate_hz=rate_hz)
    phrases = [
        np.concatenate([vectors[:1] for vectors in view])
        for view in zip(*map(_views, unrelated), strict=True)
    ]
    means, spreads, curves, fits = [], [], [], []
    for part in _parts(video):
        raw = _raw_fits(part, phrases)
        means.append(raw.mean(axis=-1))
        spreads.append(raw.std(axis=-1) + 1e-6)
        fit = (raw - means[-1][..., None]) / spreads[-1][..., None]
        curves.append(_attend(fit.mean(axis=1))[0])
        fits.append(fit[:, 0, 0])
    curve = share(np.concatenate(curves), likeness)
    fit = share(np.concatenate(fits), likeness)
    best = [best_run(curve[:, i], rate_hz=rate_hz) for i in range(len(unrelated))]
    return Background(
        mean=np.concatenate(means),
        spread=np.concatenate(spreads),
        likeness=likeness,
        fits=np.array(
            [fit[run.first : run.end, i].mean() for i, run in enumerate(best)]
        ),
        meanings=np.stack([query.sentence for query in unrelated]),
    )


def relevance(
    video: VideoFeatures, query: QueryFeatures, unrelated: Background, *, rate_hz: float
) -> Relevance:
    phrases = _views(query)
    curves, fits, weights = [], [], []
    for first, part in zip(
        range(0, len(video.frames), CHUNK), _parts(video), strict=True
    ):
        rows = slice(first, first + CHUNK)
        raw = _raw_fits(part, phrases)
        fit = (raw - unrelated.mean[rows, :, :, None]) / unrelated.spread[
            rows, :, :, None
        ]
        curve, weight = _attend(fit.mean(axis=1))
        curves.append(curve)
        weights.append(weight)
        fits.append(fit[:, 0, 0, :1])
    by_phrase = share(np.concatenate(curves), unrelated.likeness)
    by_region = np.concatenate(weights)
    phrase_weights = _weigh(by_phrase, rate_hz=rate_hz)
    return Relevance(
        curve=by_phrase @ phrase_weights,
        fit=share(np.concatenate(fits), unrelated.likeness)[:, 0],
        phrase_weights=phrase_weights,
        region_weights=by_region @ phrase_weights,
    )


def confidence(
    fit: float, sentence: Float[np.ndarray, " k"], unrelated: Background
) -> float:
    """Share of the unrelated sentences whose best moment fits less well than this.

    Sentences that mean nearly the same as the query are left out.
    """
    counted = unrelated.meanings @ sentence < RELATED
    return float((unrelated.fits[counted] < fit).mean()) if counted.any() else 1.0


def share(
    values: Float[np.ndarray, "t p"], likeness: Float[np.ndarray, "t n"]
) -> Float[np.ndarray, "t p"]:
    """Each frame's value becomes the mean over the frames near it that look alike."""
    reach = likeness.shape[1] // 2
    padded = np.pad(values, ((reach, reach), (0, 0)))
    shared = np.zeros_like(values)
    for i in range(likeness.shape[1]):
        shared += likeness[:, i, None] * padded[i : i + len(values)]
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
    return weights / weights.sum(axis=1, keepdims=True)


def _parts(video: VideoFeatures) -> Iterator[VideoFeatures]:
    for first in range(0, len(video.frames), CHUNK):
        yield video.part(first, first + CHUNK)


def _views(query: QueryFeatures) -> list[Float[np.ndarray, "p _"]]:
    """The query's phrases in each of the spaces where pictures are, too."""
    if query.appearances is None:
        return [query.meanings]
    return [query.meanings, query.appearances]


def _raw_fits(
    video: VideoFeatures, phrases: Sequence[Float[np.ndarray, "p _"]]
) -> Float[np.ndarray, "t v 1+r p"]:
    spaces = [
        (video.frame_meanings, video.region_meanings),
        (video.frames, video.regions),
    ]
    fits = [
        np.concatenate([frames[:, None], regions], axis=1) @ vectors.T
        for (frames, regions), vectors in zip(spaces, phrases, strict=False)
    ]
    return np.stack(fits, axis=1)


def _attend(
    fit: Float[np.ndarray, "t 1+r p"],
) -> tuple[Float[np.ndarray, "t p"], Float[np.ndarray, "t r p"]]:
    """Half the whole frame's fit, half that of the regions that fit best."""
    regions = fit[:, 1:]
    weights = np.exp(SHARPNESS * (regions - regions.max(axis=1, keepdims=True)))
    weights /= weights.sum(axis=1, keepdims=True)
    return (fit[:, 0] + (weights * regions).sum(axis=1)) / 2, weights


def _weigh(
    by_phrase: Float[np.ndarray, "t p"], *, rate_hz: float
) -> Float[np.ndarray, " p"]:
    """Phrases count by how far their best frames stand out in this video."""
    if by_phrase.shape[1] == 1:
        return np.ones(1)
    heights = [
        peak(curve, rate_hz=rate_hz) - float(np.median(curve))
        for curve in by_phrase[:, 1:].T
    ]
    weights = np.exp(np.array(heights) - max(heights))
    return np.array([SENTENCE_SHARE, *((1 - SENTENCE_SHARE) * weights / weights.sum())])
