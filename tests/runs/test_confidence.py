"""The confidence of a run: Platt's scaling, and the file that keeps it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from slta.errors import InputError
from slta.evaluation.metrics.gmr import auroc
from slta.models.base import logistic
from slta.runs.confidence import Confidence
from slta.runs.run import Run

SCORE = st.floats(-50, 50, width=32)


def drawn(
    seed: int, count: int, *, apart: float = 1.5, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of queries, two thirds of them with a moment, which score higher."""
    rng = np.random.default_rng(seed)
    there = rng.random(count) < 2 / 3
    return scale * (rng.normal(size=count) + apart * there), there


def loss(weights: Any, scores: np.ndarray, there: np.ndarray) -> float:
    """Platt's: the logarithmic loss of smoothed targets."""
    up, down = there.sum(), (~there).sum()
    target = np.where(there, (up + 1) / (up + 2), 1 / (down + 2))
    logit = weights[0] * scores + weights[1]
    return float(np.mean(np.logaddexp(0, logit) - target * logit))


@given(
    st.lists(st.tuples(SCORE, st.booleans()), min_size=4, max_size=40).filter(
        lambda rows: len({there for _, there in rows}) == 2
    )
)
def test_no_rising_logistic_is_likelier(rows: list[tuple[float, bool]]) -> None:
    scores = np.array([score for score, _ in rows], np.float64)
    there = np.array([there for _, there in rows])
    found = Confidence.fit(scores, there)
    assert found.slope > 0
    spread = scores.std() or 1.0
    other = minimize(
        loss,
        [1 / spread, -scores.mean() / spread],
        args=(scores, there),
        bounds=[(1e-3 / spread, None), (None, None)],
        method="L-BFGS-B",
    )
    ours = loss((found.slope, found.intercept), scores, there)
    assert ours <= other.fun + 1e-3


def brier(confidence: np.ndarray, there: np.ndarray) -> float:
    return float(np.mean((confidence - there) ** 2))


def error(confidence: np.ndarray, there: np.ndarray) -> float:
    """Expected calibration error with ten bins."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    return sum(
        (bins == i).mean() * abs(confidence[bins == i].mean() - there[bins == i].mean())
        for i in {*bins.tolist()}
    )


@pytest.mark.parametrize("scale", [0.05, 8.0])
def test_other_queries_are_as_often_there_as_said(scale: float) -> None:
    found = Confidence.fit(*drawn(0, 400, scale=scale))
    scores, there = drawn(1, 2000, scale=scale)
    before, after = logistic(scores), found(scores)
    assert error(after, there) < 0.06 < error(before, there) / 2
    assert brier(after, there) < brier(before, there) - 0.02
    ones = np.ones(len(there))
    assert auroc(after, there, ones) == pytest.approx(auroc(scores, there, ones))


def test_scores_that_tell_nothing_keep_their_order_alone() -> None:
    scores, there = drawn(0, 300, apart=-1.0)
    found = Confidence.fit(scores, there)
    np.testing.assert_allclose(found(scores), there.mean(), atol=0.01)
    assert (np.diff(found(np.sort(scores))) > 0).all()


def test_equal_scores_are_as_likely_as_queries_are_there() -> None:
    there = np.array([True, True, True, False])
    found = Confidence.fit(np.full(4, 7.0), there)
    assert float(found(7.0)) == pytest.approx((3 * 4 / 5 + 1 / 3) / 4)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read"),
        ({"slope": 1.0}, "has no field intercept|intercept"),
        ({"slope": "1", "intercept": 0}, 'gives slope as "1", which is not a number'),
        ({"slope": -1, "intercept": 0}, "gives slope and intercept as -1 and 0"),
        ({"slope": 0, "intercept": 0}, "are not of a rising logistic"),
    ],
)
def test_a_damaged_file_is_told_with_the_remedy(
    tmp_path: Path, content: Any, says: str
) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "confidence.json").write_text(text)
    with pytest.raises(InputError, match=rf"confidence\.json.*({says}).*; remove it"):
        _ = Run(tmp_path).confidence


def test_runs_of_earlier_versions_have_none(tmp_path: Path) -> None:
    assert Run(tmp_path).confidence is None
