"""Data sets in the format of a user's own, and pre-extracted features for them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROW: dict[str, Any] = {"video_id": "a", "query": "a man sits", "spans": [[1.5, 4.0]]}


def write_files(folder: Path, files: Mapping[str, str | list[dict[str, Any]]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content
        if isinstance(content, list):
            text = "".join(json.dumps(row) + "\n" for row in content)
        assert isinstance(text, str)
        (folder / name).write_text(text)
    return folder


SHOWN = {"a dog": 0, "a cat": 1, "a horse": 2}
"""What is asked for, and which number of a vector says that it is there."""
STEP_S, SAMPLES = 0.5, 40
MOMENT_S = 4.0
Arrays = dict[str, np.ndarray]


def planted(
    video: int, moments: Mapping[str, float], *, regions: int = 4, size: int = 6
) -> Arrays:
    """Noise, in which from its time on what is named shows in the frames and in one
    region, for ``MOMENT_S``."""
    rng = np.random.default_rng(video)
    times_s = np.arange(SAMPLES, dtype=np.float32) * np.float32(STEP_S)
    made = {
        "times_s": times_s,
        "frames": rng.normal(scale=0.2, size=(SAMPLES, size)).astype(np.float16),
        "regions": rng.normal(scale=0.2, size=(SAMPLES, regions, size)).astype(
            np.float32
        ),
        "boxes": np.tile(
            np.array([0.25, 0, 0.5, 1], np.float32), (SAMPLES, regions, 1)
        ),
        "region_mask": np.ones((SAMPLES, regions), bool),
    }
    made["region_mask"][:, -1] = False
    made["regions"][:, -1] = 100.0
    for query, start_s in moments.items():
        here = (times_s >= start_s) & (times_s < start_s + MOMENT_S)
        made["frames"][here, SHOWN[query]] += 3
        made["regions"][here, video % (regions - 1), SHOWN[query]] += 3
    return made


def moments_of(video: int) -> dict[str, float]:
    starts = np.random.default_rng(100 + video).permutation([0.0, 6.0, 14.0])
    return dict(zip(SHOWN, map(float, starts), strict=True))


def annotated(root: Path, splits: Mapping[str, Sequence[str]]) -> None:
    root.mkdir(exist_ok=True)
    for split, names in splits.items():
        rows = [
            {"video_id": name, "query": query, "spans": [[start, start + MOMENT_S]]}
            for name in names
            for query, start in moments_of(int(name.split("_")[1][:2])).items()
        ]
        text = "\n".join(map(json.dumps, rows))
        (root / f"{split}.jsonl").write_text(text)


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez(file, **arrays)


SPLITS = {
    "train": [f"v_{i:02}.avi" for i in range(8)],
    "val": ["v_10.avi"],
    "test": ["v_20.avi", "v_21.avi"],
}
