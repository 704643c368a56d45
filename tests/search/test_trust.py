"""The confidence on real videos: what README promises of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.calibration import fits, fitted

from benchmarks import trust
from slta.search import Searcher, evidence
from tests.reference import trust as slow
from tests.support.indexed_films import known

CALIBRATION = Path(__file__).parents[2] / "benchmarks" / "results" / "calibration.json"


@pytest.mark.real
def test_what_is_there_is_told_apart_from_what_is_not(
    shared: Path, tmp_path: Path
) -> None:
    # Reading the unrelated sentences takes long, and they are the same for all.
    store = known().copy(tmp_path / "store")
    found = trust.measure(shared / "data" / "clips", Searcher(store=store))
    assert found["videos"] == 15
    assert found["absent_told"] >= 0.93
    assert found["nonsense_told"] >= 0.97
    assert found["present_clear"] >= 0.80
    assert found["area_absent"] >= 0.93
    assert found["area_nonsense"] >= 0.94
    assert found["right_video"]["sentences"] >= 0.70
    assert found["calibration_error"] <= 0.10


def test_the_confidence_has_the_numbers_that_were_fitted() -> None:
    found = json.loads(CALIBRATION.read_text())
    assert pytest.approx(found["even"], abs=0.05) == evidence.EVEN
    assert pytest.approx(found["steep"], abs=0.05) == evidence.STEEP


def test_the_fit_finds_the_logistic_that_was_drawn_from() -> None:
    rng = np.random.default_rng(0)
    fit = rng.uniform(-1, 4, 20_000)
    there = rng.random(len(fit)) < 1 / (1 + np.exp(-2.0 * (fit - 1.5)))
    even, steep = fitted(fit[there], fit[~there])
    assert even == pytest.approx(1.5, abs=0.05)
    assert steep == pytest.approx(2.0, abs=0.1)


def test_a_fit_is_read_back_from_its_confidence() -> None:
    fit = np.array([0.5, evidence.EVEN, 3.0])
    sure = 1 / (1 + np.exp(-evidence.STEEP * (fit - evidence.EVEN)))
    np.testing.assert_allclose(fits(sure.tolist()), fit, atol=1e-6)


@pytest.mark.parametrize(
    ("present", "absent"),
    [
        pytest.param([0.9], [0.1], id="one of each"),
        pytest.param([0.5, 0.5], [0.5], id="all the same"),
        pytest.param([1.0, 0.0, 0.95], [0.0, 1.0, 0.99, 0.3], id="at the ends"),
        pytest.param([0.31, 0.38, 0.74], [0.3, 0.39, 0.72], id="several in a bin"),
    ],
)
def test_area_and_calibration_error_are_what_one_works_out_on_paper(
    present: list[float], absent: list[float]
) -> None:
    above, below = np.array(present), np.array(absent)
    assert trust.area(above, below) == pytest.approx(slow.area(present, absent))
    found = trust.reliability(above, below)["calibration_error"]
    assert found == pytest.approx(slow.calibration_error(present, absent), abs=6e-4)
