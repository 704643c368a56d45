"""How well the program answers the questions of questions.json.

Writes results/questions.json, from which docs/results/zero-shot.md is generated.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.films import QUESTIONS, compose_videos
from examples import photo_film
from slta.moments import Span
from slta.moments.spans import as_array, temporal_iou
from slta.search import Answer, Searcher


def measure(videos: Path, searcher: Searcher) -> dict[str, Any]:
    """Answers all questions; ``videos`` is the folder of the real ones."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "photo_film.mp4"
        truth = photo_film.compose(film)
        asked = QUESTIONS["photo_film"]["present"]
        found = {"photo_film": present(searcher, film, truth, asked)}
        found["absent_from_photo_film"] = absent(searcher, film)
        film = Path(folder) / "video_film.mp4"
        truth = compose_videos(videos, film)
        asked = QUESTIONS["video_film"]["present"]
        found["video_film"] = present(searcher, film, truth, asked)
        found["absent_from_video_film"] = absent(searcher, film)
        found["bottle"] = [bottle(searcher, videos)]
    return found


def present(
    searcher: Searcher,
    film: Path,
    truth: dict[str, Span],
    asked: list[dict[str, str]],
) -> list[dict[str, Any]]:
    rows = []
    for question in asked:
        answer = searcher.search(film, question["query"])
        true = truth[question["subject"]]
        iou = temporal_iou(as_array([answer.moments[0].span]), as_array([true]))
        rows.append(
            _row(answer) | {"truth": _seconds(true), "iou": round(float(iou[0, 0]), 3)}
        )
    return rows


def absent(searcher: Searcher, film: Path) -> list[dict[str, Any]]:
    return [_row(searcher.search(film, query)) for query in QUESTIONS["absent"]]


def bottle(searcher: Searcher, videos: Path) -> dict[str, Any]:
    question = QUESTIONS["bottle"]
    answer = searcher.search(videos / question["video"], question["query"], top=3)
    hands = [Span(float(start), float(end)) for start, end in question["hands_s"]]
    moments = [moment.span for moment in answer.moments]
    return _row(answer) | {
        "moments": [_seconds(moment) for moment in moments],
        "overlap": [any(moment.overlaps(hand) for hand in hands) for moment in moments],
    }


def _row(answer: Answer) -> dict[str, Any]:
    return {
        "query": answer.query,
        "first": _seconds(answer.moments[0].span),
        "confidence": answer.shown_confidence(3),
        "clear": answer.is_clear,
    }


def _seconds(span: Span) -> list[float]:
    return [round(span.start, 2), round(span.end, 2)]
