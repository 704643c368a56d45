"""Random whole videos that a model can be asked of."""

import numpy as np
import torch

from slta.batches.video_batch import TrainingVideoBatch, VideoBatch
from slta.experiments.config import Named
from slta.models import build
from slta.models.base import Scale, Sizes, VideoModel

SIZES = Sizes(region=6, frame=5, word=7, sentence=8)
REGIONS = 3
TRUTHS: list[tuple[tuple[float, float], ...]] = [
    ((0.1, 0.4),),
    ((0.0, 0.2), (0.5, 0.9), (0.55, 0.6)),
    (),
    ((0.3, 1.0), (0.8, 0.82)),
]
"""As fractions of the video: one, several, none."""


def made(config: Named, seed: int = 0) -> VideoModel:
    """A new model that knows the scale of some features, and is asked, not trained."""
    torch.manual_seed(seed)
    model = build(config, SIZES)
    assert isinstance(model, VideoModel)
    model.fit(
        Scale(
            *(
                (torch.randn(size), torch.rand(size) + 0.5)
                for size in (SIZES.region, 5, SIZES.frame, SIZES.word)
            )
        )
    )
    return model.eval()


def given(model: VideoModel, seed: int = 0, *, frames: int = 9) -> TrainingVideoBatch:
    """Random, of ``TRUTHS``; the last two rows are of one video."""
    rng = np.random.default_rng(seed)
    count = len(TRUTHS)
    shown = [model.clips(n) for n in (frames, frames - 3, 2, 2)]
    said = [6, 1, 4, 3]
    longest = max(map(len, TRUTHS))
    duration_s = torch.tensor([10.0, 7.3, 4.0, 4.0])
    truth, truth_mask = torch.zeros(count, longest, 2), torch.zeros(count, longest) > 0
    for row, spans in enumerate(TRUTHS):
        for i, span in enumerate(spans):
            truth[row, i] = torch.tensor(span) * duration_s[row]
            truth_mask[row, i] = True

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    regions = REGIONS if model.sees_regions else 0
    videos, t = count - 1, max(shown)
    batch = VideoBatch(
        clips=normal(count, t, SIZES.frame)[:-1],
        video=torch.tensor([0, 1, 2, 2]),
        clip_mask=torch.arange(t) < torch.tensor(shown)[:, None],
        duration_s=duration_s,
        words=normal(count, max(said), SIZES.word),
        word_mask=torch.arange(max(said)) < torch.tensor(said)[:, None],
        noun_mask=torch.arange(max(said)) < torch.tensor(said)[:, None] // 2,
        sentences=normal(count, SIZES.sentence),
        regions=normal(videos, t, regions, SIZES.region),
        boxes=normal(videos, t, regions, 4).sigmoid(),
        region_mask=(torch.arange(t) < torch.tensor(shown[:-1])[:, None])[..., None]
        .expand(-1, -1, regions)
        .clone(),
    )
    return TrainingVideoBatch(batch, truth, truth_mask)


def close(found: torch.Tensor, expected: torch.Tensor | float) -> None:
    torch.testing.assert_close(
        found, torch.as_tensor(expected, dtype=found.dtype), atol=1e-5, rtol=1e-5
    )
