"""Numbers of small models at a fixed start, to notice when a change moves them.

    python -m tests.golden.candidate_models

writes them anew.
"""

import json
from pathlib import Path

import torch

from tests.batches import asked, made, training_batch
from tests.candidate_models import SMALL

FILE = Path(__file__).with_suffix(".json")
PAIRS = 4
"""Of which the numbers are kept."""


def values(name: str) -> dict[str, list[float]]:
    model, batch = made(SMALL[name]), asked()
    given = training_batch(batch, torch.ones(len(batch.pairs), 2))
    with torch.no_grad():
        scores = model(batch)
        loss = model.loss(scores, given)
    return {
        "relevance": scores.relevance[:PAIRS].tolist(),
        "start_s": scores.offsets_s[:PAIRS, 0].tolist(),
        "end_s": scores.offsets_s[:PAIRS, 1].tolist(),
        "loss": [loss.item()],
    }


def _shown(found: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [round(n, 6) for n in numbers] for name, numbers in found.items()}


if __name__ == "__main__":
    kept = {name: _shown(values(name)) for name in SMALL}
    FILE.write_text(json.dumps(kept, indent=1) + "\n")
