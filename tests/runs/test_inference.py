"""What a model answers, with what a data set says of a query besides its truth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from slta.datasets.base import Facts
from slta.datasets.split import Split
from slta.evaluation.measuring import measure
from slta.evaluation.predictions import Prediction
from slta.experiments.config import CandidatesConfig, Experiment, FeaturesConfig
from slta.models import build
from slta.models.base import Model, Sizes
from slta.moments import Span
from slta.moments.ranking import vote
from slta.runs.inference import predict, score
from tests.support import worlds
from tests.support.video_models import MOMENT_DETR

EXPERIMENT = Experiment(
    features=FeaturesConfig(rate_hz=2.0),
    candidates=CandidatesConfig(lengths_s=(4.0, 8.0), context_s=4.0),
    model=worlds.FEW_UNITS,
)
DURATION_S = 29.9
"""A little less than the 30 s of which annotators speak."""


def model() -> Model:
    torch.manual_seed(0)
    sizes = Sizes(worlds.REGION, worlds.FRAME, worlds.WORD, worlds.WORD)
    return build(EXPERIMENT.model, sizes).eval()


def asked(**facts: Any) -> Split:
    split = worlds.split(
        {"film": [(Span(5.0, 10.0),), (Span(0.0, 8.0),)]},
        duration_s=DURATION_S,
        rate_hz=2.0,
    )
    return replace(split, facts={"film_0": Facts(**facts)})


def answered(split: Split) -> list[Prediction]:
    return predict(model(), split, EXPERIMENT)


def test_answers_vote_where_an_experiment_says_so() -> None:
    split = asked()
    candidates = replace(EXPERIMENT.candidates, vote_iou=0.5)
    alone = answered(split)
    voted = predict(model(), split, replace(EXPERIMENT, candidates=candidates))
    for one, other in zip(alone, voted, strict=True):
        assert other.scores.tolist() == one.scores.tolist()
        wanted = vote(one.spans, one.scores, iou=0.5)
        np.testing.assert_allclose(other.spans, wanted, atol=1e-5)
        assert np.abs(other.spans - one.spans).max() > 0.1


def test_annotators_chunks_reach_didemos_protocols() -> None:
    chunks = np.array([[1, 1], [1, 1], [0, 4]])
    first, second = answered(asked(chunks=chunks))
    assert first.chunks is not None and second.chunks is None
    np.testing.assert_array_equal(first.chunks, chunks)
    assert {"Rank@1", "Rank@5", "mIoU"} <= measure([first], "didemo").values.keys()


def test_highlights_are_measured_where_annotators_gave_them() -> None:
    clips, given = np.array([3, 14]), np.array([[4, 4, 3], [2, 1, 0]])
    first, second = answered(asked(clips=clips, saliency=given))
    assert second.saliency is None and second.true_saliency is None
    assert first.saliency is not None and first.true_saliency is not None
    assert len(first.saliency) == len(first.true_saliency) == 15
    np.testing.assert_array_equal(first.true_saliency[clips], given)
    assert first.true_saliency.sum() == given.sum()
    for clip, said in enumerate(first.saliency):
        over = [
            score
            for (start, end), score in zip(first.spans, first.scores, strict=True)
            if start <= 2 * clip + 1 < end
        ]
        assert said == pytest.approx(max(over, default=first.scores.min()), abs=1e-6)
    assert {"HIT@1, VeryGood", "mAP"} <= measure([first, second], "detr").values.keys()


def test_no_clip_may_stand_out() -> None:
    facts = {"clips": np.zeros(0, np.int64), "saliency": np.zeros((0, 3), np.int64)}
    first, _ = answered(asked(**facts))
    assert first.true_saliency is not None and not first.true_saliency.any()


def test_didemos_moments_are_candidates() -> None:
    candidates = CandidatesConfig(chunks=True)
    for spans in (candidates.windows(27.0), candidates.training_windows(27.0)):
        assert len(spans) == 21 and spans.max() == 27.0
        assert set((spans % 5).ravel()) <= {0.0, 2.0}


def test_a_long_video_is_searched_window_by_window() -> None:
    """Of 9 frames at 2 Hz, four at a time: each window is answered as a video of its own."""
    torch.manual_seed(0)
    config = replace(MOMENT_DETR, max_clips=4, windows=True)
    sizes = Sizes(worlds.REGION, worlds.FRAME, worlds.WORD, worlds.WORD)
    model = build(config, sizes).eval()
    split = worlds.split({"film": [(Span(0.0, 2.0),)] * 2}, duration_s=4.4, rate_hz=2.0)
    features, asked = split.videos["film"], split.query_features
    rows = score(model, features, 4.4, asked, CandidatesConfig(), 2.0)
    count = config.moment_queries
    for number, (start, end_s) in enumerate([(0, 2.0), (2, 3.0), (4, 4.0), (5, 4.4)]):
        part = features.part(start, start + 4)
        part = replace(part, times_s=part.times_s - start / 2)
        alone = score(model, part, end_s - start / 2, asked, CandidatesConfig(), 2.0)
        for row, expected in zip(rows, alone, strict=True):
            assert len(row.spans) == 4 * count
            mine = slice(number * count, (number + 1) * count)
            np.testing.assert_allclose(
                row.spans[mine], expected.spans + start / 2, atol=1e-4
            )
            np.testing.assert_allclose(
                row.relevance[mine], expected.relevance, atol=1e-4
            )
