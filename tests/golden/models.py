"""Numbers of small models at a fixed start, to notice when a change moves them.

    python -m tests.golden.models

writes them anew.
"""

import json
from pathlib import Path
from typing import Any

import torch

from slta.models.released import released
from tests.support import batches, candidate_models, video_batches, video_models
from tests.support.slta_models import SMALL

FILE = Path(__file__).with_suffix(".json")
ANSWERS = 4
"""Of which the numbers are kept."""
CANDIDATE_MODELS: dict[str, Any] = {
    "slta": SMALL,
    "slta_released": released(SMALL, summed_regions=True, signed_words=True),
    **candidate_models.SMALL,
}
VIDEO_MODELS: dict[str, Any] = video_models.SMALL
NAMES = (*CANDIDATE_MODELS, *VIDEO_MODELS)


def values(name: str) -> dict[str, list[float]]:
    if name in VIDEO_MODELS:
        return _of_video_model(VIDEO_MODELS[name])
    return _of_candidate_model(CANDIDATE_MODELS[name])


def _of_candidate_model(config: Any) -> dict[str, list[float]]:
    model, batch = batches.made(config), batches.asked()
    given = batches.training_batch(batch, torch.ones(len(batch.pairs), 2))
    with torch.no_grad():
        scores = model(batch)
        loss = model.loss(scores, given)
    return {
        "relevance": scores.relevance[:ANSWERS].tolist(),
        "start_s": scores.offsets_s[:ANSWERS, 0].tolist(),
        "end_s": scores.offsets_s[:ANSWERS, 1].tolist(),
        "loss": [loss.item()],
    }


def _of_video_model(config: Any) -> dict[str, list[float]]:
    model = video_batches.made(config)
    given = video_batches.given(model)
    with torch.no_grad():
        answers = model(given.batch)
        loss = model.loss(answers, given)
    return {
        "relevance": answers.relevance[0, :ANSWERS].tolist(),
        "start_s": answers.spans_s[0, :ANSWERS, 0].tolist(),
        "end_s": answers.spans_s[0, :ANSWERS, 1].tolist(),
        "loss": [loss.item()],
    }


def _shown(found: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [round(n, 6) for n in numbers] for name, numbers in found.items()}


if __name__ == "__main__":
    kept = {name: _shown(values(name)) for name in NAMES}
    FILE.write_text(json.dumps(kept, indent=1) + "\n")
