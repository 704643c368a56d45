"""What each part of the zero-shot search is worth, on the development sentences.

A part is switched off by its constant; everything else stays as it is. The films are
other ones than those of the questions: other seeds cut, pan and zoom differently.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.films import QUESTIONS, compose_videos
from examples import photo_film
from slta.features.base import QueryFeatures
from slta.moments import Span
from slta.moments.spans import as_array, temporal_iou
from slta.search import Searcher, evidence
from slta.search.answers import Indexed
from slta.search.zero_shot import RATE_HZ

SEEDS = (1, 2, 3)

PARTS: dict[str, dict[str, float]] = {
    "all": {},
    "pictures only in the space of the sentences (ConSE)": {},
    "no comparison with other pictures": {"PICTURES_SHARE": 0.0},
    "no noun phrases": {"SENTENCE_SHARE": 1.0},
    "no attention to regions (their mean)": {"SHARPNESS": 0.0},
    "no evidence shared among frames alike": {"NEAR_S": 1e-3},
    "no change for verbs of action": {"CHANGE_WEIGHT": 0.0},
}
CONSE = "pictures only in the space of the sentences (ConSE)"


def measure(videos: Path, searcher: Searcher) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        films = list(_films(videos, searcher, Path(folder)))
        rows = [{"part": part, **_measure(part, searcher, films)} for part in PARTS]
    return {"seeds": list(SEEDS), "parts": rows}


def _films(
    videos: Path, searcher: Searcher, folder: Path
) -> Iterator[tuple[str, Indexed[evidence.Background], dict[str, Span]]]:
    for seed in SEEDS:
        path = folder / f"photos-{seed}.mp4"
        truth = photo_film.compose(path, seed=seed)
        yield "photo_film", searcher.index(path), truth
    path = folder / "videos.mp4"
    truth = compose_videos(videos, path)
    yield "video_film", searcher.index(path), truth
    hands = [Span(float(a), float(b)) for a, b in QUESTIONS["bottle"]["hands_s"]]
    bottle = searcher.index(videos / QUESTIONS["bottle"]["video"])
    yield "bottle", bottle, {str(i): hand for i, hand in enumerate(hands)}


def _measure(
    part: str,
    searcher: Searcher,
    films: list[tuple[str, Indexed[evidence.Background], dict[str, Span]]],
) -> dict[str, Any]:
    found: dict[str, list[bool]] = {"photo_film": [], "video_film": [], "bottle": []}
    read = searcher.reader.text

    def text(query: str) -> QueryFeatures:
        features = read(query)
        if part != CONSE:
            return features
        assert features.usual is not None
        return replace(features, appearances=None, usual=features.usual[:, :1])

    with ExitStack() as stack:
        for name, value in PARTS[part].items():
            stack.enter_context(patch.object(evidence, name, value))
        unrelated = [text(s) for s in evidence.unrelated_sentences()]
        for kind, film, truth in films:
            background = evidence.background(film.features, unrelated, rate_hz=RATE_HZ)
            film = replace(film, prepared=background)
            for question in QUESTIONS[kind]["development"]:
                if kind == "bottle":
                    moments = searcher.answer(film, text(question), top=3).moments
                    found[kind] += [
                        any(moment.span.overlaps(hand) for hand in truth.values())
                        for moment in moments
                    ]
                else:
                    asked = text(question["query"])
                    best = searcher.answer(film, asked, top=1).moments[0].span
                    true = truth[question["subject"]]
                    iou = temporal_iou(as_array([best]), as_array([true]))
                    found[kind].append(bool(iou[0, 0] >= 0.5))
    return {
        kind: {"right": int(np.sum(hits)), "of": len(hits)}
        for kind, hits in found.items()
    }
