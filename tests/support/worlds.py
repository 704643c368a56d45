"""Small worlds to learn from: random features, and a made world with its features."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from slta.datasets.shapes import ShapesConfig
from slta.datasets.split import Split
from slta.experiments import shapes, titled
from slta.experiments.config import Experiment, FeaturesConfig
from slta.experiments.opening import open_splits
from slta.features.base import QueryFeatures, VideoFeatures
from slta.models.slta import SLTAConfig
from slta.moments import Query, Span, VideoInfo
from tests.support.once import made_once

REGIONS, REGION, FRAME, WORD = 3, 6, 5, 4
"""Random videos: regions of a frame, and the sizes of the vectors."""


def video(rng: np.random.Generator, frames: int, *, rate_hz: float) -> VideoFeatures:
    corners = np.sort(rng.random((frames, REGIONS, 2, 2)), axis=2)
    return VideoFeatures(
        times_s=np.arange(frames) / rate_hz,
        frames=rng.normal(size=(frames, FRAME)).astype(np.float16),
        regions=rng.normal(size=(frames, REGIONS, REGION)).astype(np.float16),
        boxes=corners.reshape(frames, REGIONS, 4).astype(np.float32),
    )


def sentence(rng: np.random.Generator, query: str) -> QueryFeatures:
    words = tuple(query.split())
    meaning = rng.normal(size=(1, WORD)).astype(np.float32)
    return QueryFeatures(
        query=query,
        words=words,
        word_vectors=rng.normal(size=(len(words), WORD)).astype(np.float32),
        noun_mask=rng.random(len(words)) < 0.5,
        action=True,
        phrases=(query,),
        meanings=meaning / np.linalg.norm(meaning),
        attainable=np.ones(1, np.float32),
        appearances=None,
    )


def split(
    videos: Mapping[str, Sequence[tuple[Span, ...] | None]],
    *,
    duration_s: float,
    rate_hz: float,
    seed: int = 0,
) -> Split:
    """Random features; ``videos`` are the true spans of each query of each video."""
    rng = np.random.default_rng(seed)
    queries = [
        Query(f"{name}_{i}", name, " ".join(["word"] * (1 + i % 3)), truth)
        for name, truths in videos.items()
        for i, truth in enumerate(truths)
    ]
    frames = int(np.ceil(duration_s * rate_hz))
    return Split(
        queries=tuple(queries),
        query_features=tuple(sentence(rng, query.query) for query in queries),
        videos={name: video(rng, frames, rate_hz=rate_hz) for name in videos},
        infos={name: VideoInfo(name, duration_s, 64, 48) for name in videos},
    )


FEW_UNITS = SLTAConfig(
    attention_size=5,
    interaction_size=4,
    word_size=3,
    language_size=5,
    fusion_size=6,
)
"""A model of no use, quickly made."""
STEPS, EVERY = 12, 4
USUAL = titled("shapes_slta")
TINY = replace(
    USUAL,
    dataset=ShapesConfig(
        train=4,
        val=1,
        test=1,
        test_novel=1,
        length_s=20.0,
        rate_hz=8,
        width=128,
        height=96,
    ),
    features=FeaturesConfig(extractor="cells", rate_hz=2.0, centred=True),
    candidates=replace(USUAL.candidates, lengths_s=(2.0, 4.0)),
    model=replace(
        shapes.SLTA,
        attention_size=8,
        interaction_size=8,
        word_size=8,
        language_size=8,
        fusion_size=16,
        dropout=0.1,
    ),
    training=replace(
        USUAL.training,
        steps=STEPS,
        evaluate_every=EVERY,
        queries=4,
        queries_per_video=2,
        negatives=2,
        background=2,
        still_steps=2,
        still_queries=4,
        threads=1,
    ),
)
FLAGS = (
    "--dataset.train 4 --dataset.val 1 --dataset.test 1 --dataset.test-novel 1 "
    "--dataset.length-s 20 --dataset.rate-hz 8 --dataset.width 128 "
    "--dataset.height 96 --features.extractor cells --features.rate-hz 2 "
    "--candidates.lengths-s 2 4 --model.attention-size 8 --model.interaction-size 8 "
    "--model.word-size 8 --model.language-size 8 --model.fusion-size 16 "
    f"--model.dropout 0.1 --training.steps {STEPS} --training.evaluate-every {EVERY} "
    "--training.queries 4 --training.queries-per-video 2 --training.negatives 2 "
    "--training.background 2 --training.still-steps 2 --training.still-queries 4 "
    "--training.threads 1"
).split()
"""What turns shapes_slta into ``TINY``."""
ANY_FLAGS = [
    word
    for option in " ".join(FLAGS).split("--")[1:]
    if not option.startswith(("model.", "training.still"))
    for word in f"--{option}".split()
]
"""The same for another model."""


@dataclass(frozen=True)
class Tiny:
    """The made world of ``TINY``, with its features. Not to be changed."""

    home: Path
    """For $SLTA_HOME."""

    @property
    def store(self) -> Path:
        return self.home / "store"

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("SLTA_HOME", str(self.home))


@cache
def tiny() -> Tiny:
    return Tiny(made_once("tiny", _make))


def _make(home: Path) -> None:
    networks = Path(os.environ["SLTA_HOME"]) / "networks"
    (home / "networks").symlink_to(networks.resolve())
    with pytest.MonkeyPatch.context() as patch:
        Tiny(home).enter(patch)
        open_splits(TINY, ("train", "val", "test", "test_novel"))


def shorter(steps: int, every: int) -> Experiment:
    training = replace(TINY.training, steps=steps, evaluate_every=every)
    return replace(TINY, training=training)
