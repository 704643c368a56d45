"""The models that score candidates and see no regions, small, for what all must pass."""

from dataclasses import fields, replace
from typing import Any, NamedTuple

import torch

from slta.datasets.split import Split, spread
from slta.evaluation.predictions import Prediction
from slta.experiments import titled
from slta.experiments.config import CandidatesConfig, Experiment
from slta.models import MODELS, build, config_of, sees_whole_videos
from slta.models.acrn import ACRNConfig
from slta.models.base import Model, Scale, Sizes
from slta.models.blind import MomentPriorConfig, QueryOnlyConfig, VideoOnlyConfig
from slta.models.ctrl import CTRLConfig
from slta.models.mcn import MCNConfig
from slta.models.role import ROLEConfig
from slta.models.vsa import VSARNNConfig, VSASTVConfig
from slta.moments import Span
from slta.runs.inference import predict
from slta.training.draws import sampler
from tests.support import worlds

ELSEWHERE = {"slta", "slta_released"}
"""Models that see regions, which have tests of their own."""


def sized(config: Any, size: int, **others: Any) -> Any:
    """A configuration with layers of that size, as small as a test can have them."""
    names = [each.name for each in fields(config)]
    sizes = {name: size for name in names if name.endswith("size")}
    there = {name: value for name, value in others.items() if name in names}
    return replace(config, **sizes, **there)


CANDIDATE_MODELS = {
    name: config_of(builder)()
    for name, builder in MODELS.items()
    if name not in ELSEWHERE and not sees_whole_videos(builder)
}
SMALL: dict[str, Any] = {name: sized(c, 4) for name, c in CANDIDATE_MODELS.items()} | {
    "acrn": ACRNConfig(memory_size=6, pooled_size=3, fusion_size=5),
    "ctrl": CTRLConfig(common_size=4, hidden_size=5),
    "mcn": MCNConfig(hidden_size=5, word_size=3, common_size=4),
    "moment_prior": MomentPriorConfig(fusion_size=5),
    "query_only": QueryOnlyConfig(fusion_size=5),
    "role": ROLEConfig(word_size=3, language_size=4, fusion_size=5),
    "video_only": VideoOnlyConfig(fusion_size=5),
    "vsa_rnn": VSARNNConfig(word_size=3, common_size=4),
    "vsa_stv": VSASTVConfig(common_size=4),
}
"""Of no use, quickly made; by name."""


class Lesson(NamedTuple):
    """A configuration that memorises the data below, and how."""

    model: Any
    steps: int = 120
    rate: float = 1e-2


LESSONS: dict[str, Lesson] = {
    name: Lesson(sized(config, 32, offset_weight=1.0, dropout=0.0), steps=300)
    for name, config in CANDIDATE_MODELS.items()
} | {
    "acrn": Lesson(
        ACRNConfig(memory_size=32, pooled_size=16, fusion_size=32, offset_weight=1.0),
        steps=400,
    ),
    "mcn": Lesson(MCNConfig(hidden_size=32, word_size=8, common_size=8)),
    "moment_prior": Lesson(
        MomentPriorConfig(fusion_size=32, offset_weight=1.0), steps=300
    ),
    "query_only": Lesson(QueryOnlyConfig(fusion_size=64, offset_weight=1.0), steps=300),
    "video_only": Lesson(VideoOnlyConfig(fusion_size=64, offset_weight=1.0), steps=300),
    "vsa_rnn": Lesson(VSARNNConfig(word_size=8, common_size=8)),
    "vsa_stv": Lesson(VSASTVConfig(common_size=8), steps=300),
    "role": Lesson(
        ROLEConfig(word_size=8, language_size=8, fusion_size=64, offset_weight=1.0),
        steps=300,
    ),
    "ctrl": Lesson(
        CTRLConfig(common_size=32, hidden_size=32, offset_weight=1.0), steps=300
    ),
}

LENGTH_S, WINDOWS, RATE_HZ = 4.0, 6, 2.0
DRAWN = 6
"""Batches, again and again: what is compared differs little from one to the next."""
PLACES = ((1, 3), (2, 4), (4, 1), (3, 2))
"""Of four videos, the windows that match its two queries."""


def world() -> Split:
    """Windows do not overlap. The first query of a video is a little late for its window,
    the second goes beyond its own on either side: no window has an IoU of 0.7 with it."""

    def truths(first: int, second: int) -> list[tuple[Span, ...] | None]:
        late, wide = first * LENGTH_S + 0.3, second * LENGTH_S - 1
        return [(Span(late, late + LENGTH_S),), (Span(wide, wide + LENGTH_S + 2),)]

    return worlds.split(
        {f"v{i}": truths(*places) for i, places in enumerate(PLACES)},
        duration_s=WINDOWS * LENGTH_S,
        rate_hz=RATE_HZ,
    )


def experiment(model: Any) -> Experiment:
    usual = titled("shapes_slta")
    return replace(
        usual,
        model=model,
        candidates=CandidatesConfig(lengths_s=(LENGTH_S,), overlap=0.0, context_s=2.0),
        features=replace(usual.features, rate_hz=RATE_HZ),
        training=replace(
            usual.training,
            queries=8,
            queries_per_video=2,
            negatives=None,
            background=5,
            near=0.25,
            still_steps=0,
            clip_dropout=0.0,
        ),
    )


def learnt(lesson: Lesson, split: Split) -> list[Prediction]:
    """What a model answers after a plain loop of training, without Lightning."""
    asked = experiment(lesson.model)
    torch.manual_seed(0)
    model = fresh(lesson.model, split)
    draws = sampler(model, asked, split)
    assert draws.usable == len(split.queries)
    batches = [draws.draw(0, i) for i in range(DRAWN)]
    optimizer = torch.optim.Adam(model.parameters(), lr=lesson.rate)
    for step in range(lesson.steps):
        optimizer.param_groups[0]["lr"] = lesson.rate * (1 - step / lesson.steps)
        batch = batches[step % DRAWN]
        loss = model.loss(model(batch.batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return predict(model, split, asked)


def fresh(config: Any, split: Split) -> Model:
    model = build(
        config, Sizes(worlds.REGION, worlds.FRAME, worlds.WORD, sentence=worlds.WORD)
    )
    parts = {
        name: (torch.from_numpy(mean).float(), torch.from_numpy(deviation).float())
        for name, (mean, deviation) in spread(split).items()
    }
    model.fit(Scale(**parts))
    return model
