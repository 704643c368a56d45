"""Which network ``imagenet-words`` should look with: what each finds, and what it costs."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import trust
from benchmarks.films import QUESTIONS, compose_videos
from benchmarks.questions import present
from examples import photo_film
from slta.features.extractors.imagenet_words import (
    BATCH,
    DEFAULT,
    EYES,
    Eye,
    ImagenetWords,
)
from slta.search import Searcher

TRIED = {
    "Lite0, 288": EYES["lite0"],
    "Lite1, 288": EYES["lite1"],
    "Lite2, 260": Eye("efficientnet-lite2", side=260, pool=3, step=3),
    "Lite2, 288": EYES["lite2"],
    "Lite2, 320": Eye("efficientnet-lite2", side=320, pool=4, step=3),
}
"""Networks and sides of the images, in pixels."""
SEED = 1
"""Of the film of photographs: other cuts than in the questions."""
ROUNDS = 15


def measure(data: Path) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    looking = {name: ImagenetWords(eye) for name, eye in TRIED.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = {
            "photo_film": (folder / "photos.mp4",),
            "video_film": (folder / "videos.mp4",),
        }
        truths = {
            "photo_film": photo_film.compose(*films["photo_film"], seed=SEED),
            "video_film": compose_videos(data / "videos", *films["video_film"]),
        }
        for tried, eye in TRIED.items():
            EYES[tried] = eye
            searcher = Searcher(f"imagenet-words:{tried}", store=folder / tried)
            row: dict[str, Any] = {"eye": tried, "default": eye == EYES[DEFAULT]}
            for kind, film in films.items():
                asked = QUESTIONS[kind]["development"]
                answers = present(searcher, *film, truths[kind], asked)
                right = sum(answer["iou"] >= 0.5 for answer in answers)
                row[kind] = {"right": right, "of": len(answers)}
            found = trust.measure(data / "clips", searcher)
            kept = ("absent_told", "present_clear", "area_absent", "right_video")
            rows.append(row | {key: found[key] for key in kept})
    for row, cost in zip(rows, _costs(looking), strict=True):
        row["cost"] = cost
    return {"eyes": rows}


def _costs(looking: dict[str, ImagenetWords]) -> list[float]:
    """Time a frame, against the first. In turn, so that other work delays all alike."""
    times = np.empty((ROUNDS, len(looking)))
    for round_ in times:
        for i, one in enumerate(looking.values()):
            images = np.zeros((BATCH, *one.size, 3), np.uint8)
            begun = time.perf_counter()
            one._network.run(None, {"images": images})
            round_[i] = time.perf_counter() - begun
    relative = times[1:] / times[1:, :1]
    return [round(float(cost), 2) for cost in np.median(relative, axis=0)]
