"""Where SLTA looks: the share of its attention inside the box of the named object.

Measured over the frames of each query's truth, on the whole test split of the made
world, with the weights of the first seed. A region's weight lies evenly over its box.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from slta.datasets.shapes import load_boxes
from slta.evaluation.metrics import bootstrap
from slta.experiments.opening import open_dataset, open_splits
from slta.runs.inference import score
from slta.runs.run import Run
from slta.search import Searcher

SPLIT = "test"
DRAWN = ("action", "pair", "context")


def measure(run: Run) -> dict[str, Any]:
    experiment = run.experiment
    model, _ = run.load()
    split = open_splits(experiment, (SPLIT,))[SPLIT]
    folder = open_dataset(experiment).folder
    named = {
        row["query_id"]: row
        for row in map(json.loads, (folder / f"{SPLIT}.jsonl").read_text().splitlines())
    }
    inside, area, kinds, videos = [], [], [], []
    for video_id, numbers in split.by_video.items():
        features, info = split.videos[video_id], split.infos[video_id]
        scored = score(
            model,
            features,
            info.duration_s,
            [split.query_features[number] for number in numbers],
            experiment.candidates,
            experiment.features.rate_hz,
        )
        boxes = load_boxes(folder, video_id)
        for number, each in zip(numbers, scored, strict=True):
            row = named[split.queries[number].query_id]
            start, end = row["spans"][0]
            shown = each.region_weights
            assert shown is not None, "the model does not tell regions apart"
            times_s = np.asarray(features.times_s, np.float64)[: len(shown)]
            frames = np.flatnonzero((times_s >= start) & (times_s < end))
            actor = row["objects"][0]
            nearest = np.abs(boxes.times_s - times_s[frames, None]).argmin(axis=1)
            seen = boxes.visible[nearest, actor]
            if not seen.any():
                continue
            box = boxes.boxes[nearest[seen], actor]
            regions = np.asarray(features.boxes, np.float64)[frames[seen]]
            weights = shown[frames[seen]]
            inside.append(float((weights * covered(regions, box)).sum(axis=1).mean()))
            area.append(float(np.prod(box[:, 2:] - box[:, :2], axis=1).mean()))
            kinds.append(row["kind"])
            videos.append(video_id)
    shares, areas = np.array(inside), np.array(area)
    return {
        "queries": len(shares),
        "inside": float(shares.mean()),
        "inside_interval": bootstrap(shares, videos, seed=0),
        "area": float(areas.mean()),
        "times_area": float(shares.mean() / areas.mean()),
        "by_kind": {
            kind: float(
                shares[np.array(kinds) == kind].mean()
                / areas[np.array(kinds) == kind].mean()
            )
            for kind in sorted(set(kinds))
        },
    }


def covered(
    regions: Float[np.ndarray, "t r 4"], box: Float[np.ndarray, "t 4"]
) -> Float[np.ndarray, "t r"]:
    """The share of each region that lies in the frame's box."""
    low = np.maximum(regions[..., :2], box[:, None, :2])
    high = np.minimum(regions[..., 2:], box[:, None, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    found: Float[np.ndarray, "t r"] = shared / np.prod(
        regions[..., 2:] - regions[..., :2], axis=-1
    )
    return found


def draw(run: Run, folder: Path) -> None:
    """The answer to the first test query of three kinds, whatever it is like."""
    dataset = open_dataset(run.experiment)
    lines = (dataset.folder / f"{SPLIT}.jsonl").read_text().splitlines()
    searcher = Searcher(checkpoint=run.folder)
    for kind in DRAWN:
        row = next(row for row in map(json.loads, lines) if row["kind"] == kind)
        path = dataset.path(row["video_id"])
        answer = searcher.search(path, row["query"], top=3)
        answer.draw(path, answer, folder / f"attention-{kind}.png")
