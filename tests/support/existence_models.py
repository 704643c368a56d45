"""A model of whole videos that also tells whether there is a moment, and data for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from slta import models
from slta.datasets.own import OwnConfig
from slta.experiments.config import (
    CandidatesConfig,
    Experiment,
    FeaturesConfig,
    Named,
    TrainingConfig,
)
from slta.models.base import (
    Answers,
    Scale,
    Size,
    Sizes,
    Standardise,
    TrainingVideoBatch,
    VideoBatch,
    VideoModel,
)
from slta.models.ctrl import CTRLConfig
from slta.runs.run import Run
from slta.training import train as training
from tests.support.once import made_once
from tests.support.own_data import MOMENT_S, SAMPLES, STEP_S, save_arrays, write_files


@dataclass(frozen=True, kw_only=True)
class TellerConfig:
    name: ClassVar[str] = "teller"
    size: Size = 8


class Teller(VideoModel):
    """Each clip answers with the ``MOMENT_S`` around it; the best one tells whether there is
    a moment. Three times as sure as it has learned to be."""

    def __init__(self, config: TellerConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config = config
        self.frames = Standardise(sizes.frame)
        self.from_frame = nn.Linear(sizes.frame, config.size)
        self.from_sentence = nn.Linear(sizes.sentence, config.size)
        self.level = nn.Parameter(torch.zeros(2))

    def fit(self, scale: Scale) -> None:
        self.frames.fit(*scale.frames)

    def clips(self, frames: int) -> int:
        return frames

    def forward(self, batch: VideoBatch) -> Answers:
        frames = self.from_frame(self.frames(batch.clips))[batch.video]
        sentences = self.from_sentence(batch.sentences)
        fits = (frames * sentences[:, None]).sum(dim=-1)
        fits = fits.masked_fill(~batch.clip_mask, -9)
        clip_s = batch.duration_s[:, None] / batch.clip_mask.sum(dim=1, keepdim=True)
        middle_s = (torch.arange(fits.shape[1]) + 0.5) * clip_s
        spans_s = torch.stack([middle_s - MOMENT_S / 2, middle_s + MOMENT_S / 2], dim=2)
        best, _ = fits.max(dim=1)
        return Answers(spans_s, fits + self.level[0], existence=3 * best)

    def loss(self, answers: Answers, targets: TrainingVideoBatch) -> Tensor:
        exists = targets.truth_mask.any(dim=1).float()
        assert answers.existence is not None
        middle_s = answers.spans_s.mean(dim=2)[..., None]
        start, end = targets.truth_s[:, None].unbind(dim=-1)
        inside = (start <= middle_s) & (middle_s < end) & targets.truth_mask[:, None]
        real = targets.batch.clip_mask
        found = bce(answers.relevance[real], inside.any(dim=2)[real].float())
        return found + bce(answers.existence / 3 + self.level[1], exists)


WORDS = ("a dog", "a cat", "a horse", "a cow")


def planted(
    root: Path,
    videos: dict[str, int],
    *,
    noise: float = 1.0,
    absent: tuple[str, ...] = ("val", "test"),
) -> Path:
    """Own data: in each video two of ``WORDS`` are shown, each for ``MOMENT_S``, and asked
    for; in the splits of ``absent`` the other two are asked for as well."""
    for number, (split, count) in enumerate(videos.items()):
        rows = []
        for i in range(count):
            rng, name = np.random.default_rng([number, i]), f"{split}_{i}"
            frames = rng.normal(scale=noise, size=(SAMPLES, 6))
            times_s = np.arange(SAMPLES) * STEP_S
            shown = rng.permutation(4)
            for word, start_s in zip(shown[:2], (2.0, 11.0), strict=True):
                here = (times_s >= start_s) & (times_s < start_s + MOMENT_S)
                frames[here, word] += rng.uniform(0.5, 2.5)
                row = {"video_id": name, "query": WORDS[word]}
                rows.append(row | {"spans": [[start_s, start_s + MOMENT_S]]})
            if split in absent:
                rows += [
                    {"video_id": name, "query": WORDS[word], "spans": []}
                    for word in shown[2:]
                ]
            made = {"times_s": times_s.astype(np.float32), "frames": frames}
            save_arrays(root / "features" / f"{name}.npz", made)
        write_files(root, {f"{split}.jsonl": rows})
    return root


TELLER = TellerConfig()
CTRL = CTRLConfig(common_size=16, hidden_size=16, dropout=0.0)
VIDEOS = {"train": 50, "val": 40, "test": 60}


def know(patch: pytest.MonkeyPatch) -> None:
    """Makes ``Teller`` a model that runs may name."""
    patch.setitem(models._GIVEN, TELLER.name, Teller)


def with_runs() -> Path:
    """A folder with data, in ``own``, the features, in ``store``, and runs of the two models,
    ``teller`` and ``ctrl``. Not to be changed."""
    return made_once("calibrated", _with_runs)


def _with_runs(folder: Path) -> None:
    planted(folder / "own", VIDEOS)
    with pytest.MonkeyPatch.context() as patch:
        know(patch)
        trained(folder, TELLER, "teller", absent=0.4)
        trained(folder, CTRL, "ctrl")


def trained(folder: Path, model: Named, name: str, **more: Any) -> Run:
    usual = {"steps": 120, "evaluate_every": 120, "queries": 24, "queries_per_video": 2}
    experiment = Experiment(
        dataset=OwnConfig(root=str(folder / "own")),
        features=FeaturesConfig(extractor="preextracted", rate_hz=2.0),
        candidates=CandidatesConfig(lengths_s=(4.0,), overlap=0.75, context_s=4.0),
        model=model,
        training=TrainingConfig(
            **{**usual, "learning_rate": 0.02, "threads": 1, **more}
        ),
    )
    store = folder / "store"
    return training.train(name, experiment, folder / name, store=store)
