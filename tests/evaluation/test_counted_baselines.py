"""Baselines estimated from train, which see no video."""

from dataclasses import replace

import numpy as np
import pytest

from slta.datasets.split import Split
from slta.evaluation.measuring import WITHOUT_VIDEO, without_video
from slta.experiments.config import CandidatesConfig
from slta.moments import Span, VideoInfo
from tests.support import worlds

CANDIDATES = CandidatesConfig(lengths_s=(10.0,), overlap=0.0)


def asked(
    truths: list[tuple[float, float]], sentences: list[list[float]], length_s: float
) -> Split:
    """A video for each query, all as long, with sentences of the given vectors."""
    names = {
        f"v{i}": [(Span(start * length_s, end * length_s),)]
        for i, (start, end) in enumerate(truths)
    }
    made = worlds.split({**names}, duration_s=length_s, rate_hz=1.0)
    vectors = [np.array([each], np.float32) for each in sentences]
    return replace(
        made,
        query_features=tuple(
            replace(query, meanings=vector / np.linalg.norm(vector))
            for query, vector in zip(made.query_features, vectors, strict=True)
        ),
        infos={name: VideoInfo(name, length_s, 64, 48) for name in names},
    )


FIRST_THIRD, LAST_THIRD, MIDDLE = (0.0, 1 / 3), (2 / 3, 1.0), (1 / 3, 2 / 3)
SITS, RUNS = [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]
TRAIN = asked([FIRST_THIRD, LAST_THIRD, LAST_THIRD], [SITS, RUNS, RUNS], 90.0)


def test_moment_frequencies_answer_with_what_is_most_frequent() -> None:
    test = asked([MIDDLE, MIDDLE], [SITS, RUNS], 30.0)
    found = without_video("moment frequencies", TRAIN, test, CANDIDATES)
    assert [each.query_id for each in found] == [
        query.query_id for query in test.queries
    ]
    for each in found:
        assert each.spans.tolist() == [[0, 10], [10, 20], [20, 30]]
        assert each.scores == pytest.approx([1 / 3, 0, 2 / 3])


def test_query_frequencies_answer_by_the_sentence() -> None:
    test = asked([MIDDLE, MIDDLE], [SITS, RUNS], 30.0)
    (sits, runs) = without_video("query frequencies", TRAIN, test, CANDIDATES)
    assert sits.scores == pytest.approx([1, 0, 0], abs=1e-6)
    assert runs.scores == pytest.approx([0, 0, 1], abs=1e-6)


def test_where_all_sentences_are_alike_both_answer_alike() -> None:
    train = asked([FIRST_THIRD, LAST_THIRD, LAST_THIRD], [SITS] * 3, 90.0)
    test = asked([MIDDLE], [RUNS], 30.0)
    prior, query = (
        without_video(kind, train, test, CANDIDATES) for kind in WITHOUT_VIDEO
    )
    assert query[0].scores == pytest.approx(prior[0].scores)


@pytest.mark.parametrize("kind", WITHOUT_VIDEO)
def test_no_video_is_looked_at(kind: str) -> None:
    test = asked([MIDDLE], [SITS], 30.0)
    blind = replace(test, videos={})
    (seen,) = without_video(kind, TRAIN, test, CANDIDATES)
    (unseen,) = without_video(kind, replace(TRAIN, videos={}), blind, CANDIDATES)
    assert seen.scores.tolist() == unseen.scores.tolist()
    assert seen.truth.tolist() == [[10.0, 20.0]]


def test_training_queries_without_a_truth_do_not_count() -> None:
    nothing = replace(TRAIN.queries[0], truth=())
    train = replace(TRAIN, queries=(nothing, *TRAIN.queries[1:]))
    (one,) = without_video(
        "moment frequencies", train, asked([MIDDLE], [SITS], 30.0), CANDIDATES
    )
    assert one.scores == pytest.approx([0, 0, 1])
