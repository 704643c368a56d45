"""The models that see whole videos, small, for what all must pass."""

from dataclasses import asdict, replace
from typing import NamedTuple

import torch

from slta.datasets.split import Split
from slta.evaluation.predictions import Prediction
from slta.experiments.config import Experiment, Named, TrainingConfig
from slta.models.moment_detr import MomentDETRConfig
from slta.models.qd_detr import QDDETRConfig
from slta.models.slta_pyramid import SLTAPyramidConfig
from slta.models.snag import SnAGConfig
from slta.models.tan2d import Tan2DConfig
from slta.runs.inference import predict
from slta.training.draws import sampler
from slta.training.train import new_model
from tests.support.worlds import tiny

TAN2D = Tan2DConfig(clips=6, size=8, sentence_layers=2, layers=2, kernel=3)
MOMENT_DETR = MomentDETRConfig(
    size=8,
    heads=2,
    feedforward_size=12,
    moment_queries=4,
    dropout=0.0,
    input_dropout=0.0,
)
QD_DETR = QDDETRConfig(
    size=8,
    heads=2,
    feedforward_size=12,
    moment_queries=4,
    dropout=0.0,
    input_dropout=0.0,
)
SNAG = SnAGConfig(
    size=8,
    heads=2,
    levels=2,
    window=3,
    word_layers=1,
    fusion_layers=1,
    dropout=0.0,
    input_dropout=0.0,
    word_dropout=0.0,
    answers=20,
)
SLTA_PYRAMID = SLTAPyramidConfig(**asdict(SNAG), attention_size=5)
SMALL: dict[str, Named] = {
    "tan2d": TAN2D,
    "moment_detr": MOMENT_DETR,
    "qd_detr": QD_DETR,
    "slta_pyramid": SLTA_PYRAMID,
    "snag": SNAG,
}
"""Of no use, quickly made; by name."""
TAN2D_CONFIGS: dict[str, Tan2DConfig] = {
    "pooled": TAN2D,
    "convolved": replace(TAN2D, features="conv"),
    "wide": replace(TAN2D, kernel=5, layers=1, sentence_layers=1),
}
DETR_CONFIGS: dict[str, MomentDETRConfig | QDDETRConfig] = {
    "moment_detr": MOMENT_DETR,
    "moment_detr of one layer": replace(
        MOMENT_DETR, encoder_layers=1, decoder_layers=1, heads=1
    ),
    "moment_detr of few clips": replace(MOMENT_DETR, max_clips=4, moment_queries=1),
    "qd_detr": QD_DETR,
    "qd_detr of one head": replace(
        QD_DETR, reading_layers=1, encoder_layers=1, heads=1
    ),
    "qd_detr of few clips": replace(QD_DETR, max_clips=4, moment_queries=2),
}
PYRAMID_CONFIGS: dict[str, SnAGConfig] = {
    "snag": SNAG,
    "snag of more layers": replace(SNAG, word_layers=2, fusion_layers=2, window=1),
    "snag of one level": replace(SNAG, levels=1, heads=1),
    "slta_pyramid": SLTA_PYRAMID,
    "slta_pyramid of one fusion": replace(SLTA_PYRAMID, window=9, heads=4),
    "slta_pyramid without alignment": replace(SLTA_PYRAMID, alignment=False),
    "slta_pyramid without regions": replace(SLTA_PYRAMID, spatial_attention=False),
    "slta_pyramid without existence": replace(SLTA_PYRAMID, existence_weight=0.0),
}
CONFIGS: dict[str, Named] = {**TAN2D_CONFIGS, **DETR_CONFIGS, **PYRAMID_CONFIGS}


class Lesson(NamedTuple):
    """A configuration that learns, and how."""

    model: Named
    steps: int
    rate: float


BY_HEART: dict[str, Lesson] = {
    "tan2d": Lesson(
        replace(TAN2D, clips=10, size=32, sentence_layers=1), steps=120, rate=5e-3
    ),
    "moment_detr": Lesson(
        replace(MOMENT_DETR, size=32, feedforward_size=32), steps=250, rate=3e-3
    ),
    "qd_detr": Lesson(
        replace(QD_DETR, size=32, feedforward_size=32), steps=350, rate=3e-3
    ),
    "slta_pyramid": Lesson(
        replace(SLTA_PYRAMID, size=32, levels=4), steps=120, rate=5e-3
    ),
    "snag": Lesson(replace(SNAG, size=32, levels=4), steps=120, rate=5e-3),
}
FINDS: dict[str, Lesson] = {
    "tan2d": Lesson(
        Tan2DConfig(clips=20, size=24, sentence_layers=1, layers=3, kernel=3),
        steps=100,
        rate=3e-3,
    ),
    "moment_detr": Lesson(
        replace(MOMENT_DETR, size=32, heads=4, feedforward_size=64),
        steps=450,
        rate=5e-3,
    ),
    "qd_detr": Lesson(
        replace(QD_DETR, size=32, heads=4, feedforward_size=64), steps=300, rate=2e-3
    ),
    "slta_pyramid": Lesson(
        replace(SLTA_PYRAMID, size=32, levels=4), steps=100, rate=4e-3
    ),
    "snag": Lesson(replace(SNAG, size=32, levels=4), steps=100, rate=4e-3),
}


def learnt(
    lesson: Lesson, train: Split, asked: Split, *, queries: int
) -> list[Prediction]:
    """What a model answers after a plain loop of training, without Lightning."""
    experiment = Experiment(
        model=lesson.model,
        training=TrainingConfig(queries=queries, queries_per_video=4),
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, _ = new_model(experiment, train, tiny().store)
        draws = sampler(model, experiment, train)
        optimizer = torch.optim.Adam(model.parameters(), lr=lesson.rate)
        for step in range(lesson.steps):
            optimizer.param_groups[0]["lr"] = lesson.rate * (1 - step / lesson.steps)
            batch = draws.draw(0, step)
            loss = model.loss(model(batch.batch), batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        return predict(model, asked, experiment)
    finally:
        torch.set_num_threads(threads)
