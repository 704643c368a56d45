"""Answers that see no video: what a model must beat to have learnt anything of them."""

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
"""Of the query-only answer: a cosine lower by 0.05 counts 1/e."""
HIT_IOU = 0.5
"""IoU that these answers aim at."""

Weights = Callable[[QueryFeatures], Float[np.ndarray, " n"]]


def moment_prior(train: Sequence[QueryFeatures]) -> Weights:
    """Every training query counts alike: the most frequent relative spans win."""
    return lambda _: np.full(len(train), 1 / len(train))


def query_only(train: Sequence[QueryFeatures]) -> Weights:
    """Training queries count by how near their sentences are to the one asked."""
    known = np.stack([each.sentence for each in train])

    def weights(asked: QueryFeatures) -> Float[np.ndarray, " n"]:
        near = np.exp(SHARPNESS * (known @ asked.sentence - 1))
        found: Float[np.ndarray, " n"] = near / near.sum(axis=0)
        return found

    return weights


WITHOUT_VIDEO = {"moment prior": moment_prior, "query only": query_only}
"""Answers that a model must beat to have learnt anything of the videos."""


def without_video(
    kind: str, train: Split, test: Split, candidates: CandidatesConfig
) -> list[Prediction]:
    """The candidates with the largest weighted share of training spans at IoU 0.5,
    where times are shares of a video's length."""
    known = [
        (asked, as_array(query.truth[:1])[0] / train.infos[query.video_id].duration_s)
        for query, asked in zip(train.queries, train.query_features, strict=True)
        if query.truth
    ]
    weights = WITHOUT_VIDEO[kind]([asked for asked, _ in known])
    relative = np.stack([span for _, span in known])

    # Queries of a video follow one another, and many videos are as long as others.
    @lru_cache(maxsize=8)
    def hit_by(
        duration_s: float,
    ) -> tuple[Float[np.ndarray, "n 2"], Bool[np.ndarray, "n m"]]:
        spans = candidates.windows(duration_s)
        return spans, temporal_iou(spans / duration_s, relative) >= HIT_IOU

    found = []
    for query, asked in zip(test.queries, test.query_features, strict=True):
        duration_s = test.infos[query.video_id].duration_s
        spans, hits = hit_by(duration_s)
        found.append(Prediction.of(query, duration_s, spans, hits @ weights(asked)))
    return found
