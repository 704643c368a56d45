"""Non-parametric baselines without video, estimated from the training queries."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from slta.datasets.split import Split
from slta.evaluation.predictions import Prediction
from slta.experiments.config import CandidatesConfig
from slta.features.base import QueryFeatures
from slta.moments.spans import as_array, temporal_iou

SHARPNESS = 20.0
"""Inverse temperature of the weights of training queries."""
HIT_IOU = 0.5
"""IoU at which a training span counts for a candidate."""

Weights = Callable[[QueryFeatures], Float[np.ndarray, " n"]]


def moment_frequencies(train: Sequence[QueryFeatures]) -> Weights:
    """Uniform weights of the training queries: the most frequent relative spans win."""
    return lambda _: np.full(len(train), 1 / len(train))


def query_frequencies(train: Sequence[QueryFeatures]) -> Weights:
    """Training queries weighted by the similarity of their sentences to the query."""
    sentences = np.stack([query.sentence for query in train])

    def weights(query: QueryFeatures) -> Float[np.ndarray, " n"]:
        similarity = np.exp(SHARPNESS * (sentences @ query.sentence - 1))
        shares: Float[np.ndarray, " n"] = similarity / similarity.sum(axis=0)
        return shares

    return weights


WITHOUT_VIDEO = {
    "moment frequencies": moment_frequencies,
    "query frequencies": query_frequencies,
}
"""The baselines by name."""


def without_video(
    kind: str, train: Split, test: Split, candidates: CandidatesConfig
) -> list[Prediction]:
    """Predictions of a baseline: candidates score by the weighted share of training spans,
    as fractions of their video, that they hit at IoU 0.5."""
    examples = [
        (
            features,
            as_array(query.truth[:1])[0] / train.infos[query.video_id].duration_s,
        )
        for query, features in zip(train.queries, train.query_features, strict=True)
        if query.truth
    ]
    weights = WITHOUT_VIDEO[kind]([features for features, _ in examples])
    relative = np.stack([span for _, span in examples])

    # Consecutive queries are of the same video, and many videos are equally long.
    @lru_cache(maxsize=8)
    def hit_by(
        duration_s: float,
    ) -> tuple[Float[np.ndarray, "n 2"], Bool[np.ndarray, "n m"]]:
        spans = candidates.windows(duration_s)
        return spans, temporal_iou(spans / duration_s, relative) >= HIT_IOU

    predictions = []
    for query, features in zip(test.queries, test.query_features, strict=True):
        duration_s = test.infos[query.video_id].duration_s
        spans, hits = hit_by(duration_s)
        scores = hits @ weights(features)
        predictions.append(Prediction.of(query, duration_s, spans, scores))
    return predictions
