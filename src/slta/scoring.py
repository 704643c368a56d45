"""A trained model's answers, the same in evaluation and in search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from slta.config import CandidatesConfig, Experiment
from slta.datasets.batch import candidates_of, collate
from slta.datasets.sampling import shot_of
from slta.datasets.split import Split
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.sentences import Progress
from slta.models.slta import SLTA
from slta.predictions import Prediction

QUERIES = 16
"""Queries of a video that are scored at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One query's candidates in one video, before anything is ranked."""

    spans: Float[np.ndarray, "n 2"]
    relevance: Float[np.ndarray, " n"]
    offsets_s: Float[np.ndarray, "n 2"]
    region_weights: Float[np.ndarray, "t r"]
    word_weights: Float[np.ndarray, "n w"]


def score(
    model: SLTA,
    features: VideoFeatures,
    duration_s: float,
    asked: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    spans = candidates.windows(duration_s)
    found = candidates_of(
        features, spans, rate_hz=rate_hz, context_s=candidates.context_s
    )
    shot = shot_of(features, found)
    device = next(model.parameters()).device
    scored = []
    was_training = model.training
    model.eval()
    for start in range(0, len(asked), QUERIES):
        some = asked[start : start + QUERIES]
        with torch.inference_mode():
            scores = model(collate([shot], some).to(device))
        relevance = scores.relevance.unflatten(0, (len(some), -1)).cpu().numpy()
        offsets_s = scores.offsets_s.unflatten(0, (len(some), -1)).cpu().numpy()
        words = scores.word_weights.unflatten(0, (len(some), -1)).cpu().numpy()
        regions = scores.region_weights.unflatten(0, (len(some), -1)).cpu().numpy()
        scored += [
            Scored(
                spans,
                relevance[i],
                offsets_s[i],
                regions[i],
                words[i][:, : len(query.words)],
            )
            for i, query in enumerate(some)
        ]
    model.train(was_training)
    return scored


def predict(
    model: SLTA,
    split: Split,
    experiment: Experiment,
    *,
    videos: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """In the order of the split's queries; of some of its videos, if they are named."""
    found: dict[int, Prediction] = {}
    wanted = (
        split.by_video if videos is None else {v: split.by_video[v] for v in videos}
    )
    for done, (video_id, numbers) in enumerate(wanted.items(), start=1):
        duration_s = split.infos[video_id].duration_s
        scored = score(
            model,
            split.videos[video_id],
            duration_s,
            [split.asked[number] for number in numbers],
            experiment.candidates,
            experiment.features.rate_hz,
        )
        for number, each in zip(numbers, scored, strict=True):
            found[number] = Prediction.of(
                split.queries[number],
                duration_s,
                each.spans + each.offsets_s,
                each.relevance,
            )
        if progress:
            progress(done, len(wanted))
    return [found[number] for number in sorted(found)]
