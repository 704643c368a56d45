"""The questions that the docs answer, asked anew: what is published stays true."""

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks.films import QUESTIONS, compose_videos

from benchmarks import questions
from examples import photo_film
from slta.search import Searcher

RESULTS: dict[str, Any] = json.loads(
    (Path(questions.__file__).parent / "results" / "questions.json").read_text()
)


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    return Searcher(store=tmp_path / "store")


def right(rows: list[dict[str, Any]]) -> int:
    return sum(row["iou"] >= 0.5 for row in rows)


def refused(rows: list[dict[str, Any]]) -> int:
    return sum(not row["clear"] for row in rows)


def doubted(rows: list[dict[str, Any]]) -> int:
    """Found, but told that it is not there."""
    return refused([row for row in rows if row["iou"] >= 0.5])


@pytest.mark.slice
def test_the_film_of_photographs_answers_as_published(
    searcher: Searcher, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    truth = photo_film.compose(film)
    asked = QUESTIONS["photo_film"]["present"]
    rows = questions.present(searcher, film, truth, asked)
    assert right(rows) >= right(RESULTS["photo_film"])
    assert refused(rows) <= refused(RESULTS["photo_film"])
    assert doubted(rows) <= 2
    assert refused(questions.absent(searcher, film)) >= 4


@pytest.mark.slice
@pytest.mark.real
def test_the_film_of_real_videos_is_searched_without_training(
    searcher: Searcher, tmp_path: Path, shared_videos: Path
) -> None:
    film = tmp_path / "film.mp4"
    truth = compose_videos(shared_videos, film)
    asked = QUESTIONS["video_film"]["present"]
    assert right(questions.present(searcher, film, truth, asked)) >= 5
    assert refused(questions.absent(searcher, film)) >= 4


@pytest.mark.slice
@pytest.mark.real
def test_a_hand_is_in_the_first_three_moments_of_the_bottles(
    searcher: Searcher, shared_videos: Path
) -> None:
    assert questions.bottle(searcher, shared_videos)["overlap"] == [True] * 3
