"""Inference with a trained model, for evaluation and search."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from slta.batches.candidate_batch import candidates_of, collate, shot_of
from slta.batches.video_batch import clips_of, videos
from slta.datasets.base import Facts
from slta.datasets.split import Split
from slta.evaluation.metrics.detr import CLIP_S, spread
from slta.evaluation.predictions import Prediction
from slta.experiments.config import CandidatesConfig, Experiment
from slta.features.base import QueryFeatures, VideoFeatures
from slta.models.base import CandidateModel, Model, VideoModel
from slta.moments.ranking import vote
from slta.moments.spans import coverage
from slta.progress import Progress

QUERIES = 16
"""Queries of a video scored at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scored candidates of a query in a video, before ranking."""

    spans: Float[np.ndarray, "n 2"]
    relevance: Float[np.ndarray, " n"]
    offsets_s: Float[np.ndarray, "n 2"]
    region_weights: Float[np.ndarray, "t r"] | None = None
    """None without attention over regions."""
    word_weights: Float[np.ndarray, "n w"] | None = None
    """None without attention over words."""


def score(
    model: Model,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    """Scored candidates of a video for each query, after box voting."""
    scored = _score(model, features, duration_s, queries, candidates, rate_hz)
    if candidates.vote_iou is None:
        return scored
    return [_voted(row, candidates.vote_iou) for row in scored]


def _voted(scored: Scored, iou: float) -> Scored:
    spans = vote(scored.spans + scored.offsets_s, scored.relevance, iou=iou)
    return replace(scored, offsets_s=spans - scored.spans)


@singledispatch
def _score(
    model: Model,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    raise NotImplementedError(type(model).__name__)


@_score.register
def _(
    model: CandidateModel,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    spans = candidates.windows(duration_s)
    candidate_frames = candidates_of(
        features, spans, rate_hz=rate_hz, context_s=candidates.context_s
    )
    shot = shot_of(features, candidate_frames, regions=model.sees_regions)
    scored = []
    for some in _some(queries):
        with _asking(model) as device:
            scores = model(collate([shot], some).to(device))

        def of(values: Tensor, count: int = len(some)) -> Float[np.ndarray, "_ n *x"]:
            rows: Float[np.ndarray, "_ n *x"] = (
                values.unflatten(0, (count, -1)).cpu().numpy()
            )
            return rows

        relevance, offsets_s = of(scores.relevance), of(scores.offsets_s)
        regions, words = scores.region_weights, scores.word_weights
        scored += [
            Scored(
                spans,
                relevance[i],
                offsets_s[i],
                None if regions is None else of(regions)[i],
                None if words is None else of(words)[i][:, : len(query.words)],
            )
            for i, query in enumerate(some)
        ]
    return scored


@_score.register
def _(
    model: VideoModel,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    count = model.clips(len(features.frames))
    clips = clips_of(features.times_s, features.frames, duration_s, count)
    scored = []
    for some in _some(queries):
        with _asking(model) as device:
            batch = videos([clips], [duration_s], [0] * len(some), some)
            answers = model(batch.to(device))
        spans, relevance = (
            answers.spans_s.cpu().numpy(),
            answers.relevance.cpu().numpy(),
        )
        scored += [
            Scored(
                np.asarray(spans[i], np.float64), relevance[i], np.zeros_like(spans[i])
            )
            for i in range(len(some))
        ]
    return scored


def _some(queries: Sequence[QueryFeatures]) -> Iterator[Sequence[QueryFeatures]]:
    for start in range(0, len(queries), QUERIES):
        yield queries[start : start + QUERIES]


@contextmanager
def _asking(model: Model) -> Iterator[torch.device]:
    """Evaluation mode without gradients, in full precision as in search."""
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    try:
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            yield device
    finally:
        model.train(was_training)


def predict(
    model: Model,
    split: Split,
    experiment: Experiment,
    *,
    videos: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Predictions in the order of the split's queries, optionally of some videos only."""
    predictions: dict[int, Prediction] = {}
    selected = (
        split.by_video if videos is None else {v: split.by_video[v] for v in videos}
    )
    for done, (video_id, numbers) in enumerate(selected.items(), start=1):
        duration_s = split.infos[video_id].duration_s
        scored = score(
            model,
            split.videos[video_id],
            duration_s,
            [split.query_features[number] for number in numbers],
            experiment.candidates,
            experiment.features.rate_hz,
        )
        for number, row in zip(numbers, scored, strict=True):
            query, spans = split.queries[number], row.spans + row.offsets_s
            facts = split.facts.get(query.query_id, Facts())
            predictions[number] = Prediction.of(
                query,
                duration_s,
                spans,
                row.relevance,
                chunks=facts.chunks,
                **_highlights(facts, duration_s, spans, row.relevance),
            )
        if progress:
            progress(done, len(selected))
    return [predictions[number] for number in sorted(predictions)]


def _highlights(
    facts: Facts,
    duration_s: float,
    spans: Float[np.ndarray, "n 2"],
    relevance: Float[np.ndarray, " n"],
) -> dict[str, Float[np.ndarray, "..."]]:
    """For queries with saliency annotations: these, and as predicted saliency the relevance
    of the best candidate over each clip."""
    if facts.clips is None or facts.saliency is None:
        return {}
    # The video may be slightly shorter than annotated.
    annotated_s = CLIP_S * (facts.clips.max(initial=-1) + 1)
    annotated = facts.saliency.astype(np.float64)
    true = spread(facts.clips, annotated, max(duration_s, float(annotated_s)))
    times_s = CLIP_S * (np.arange(len(true)) + 0.5)
    least = float(relevance.min(initial=0.0))
    saliency = coverage(times_s, spans, relevance - least) + least
    return {"saliency": saliency, "true_saliency": true}
