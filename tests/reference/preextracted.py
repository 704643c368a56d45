"""Pre-extracted features, read slowly: one time after another."""

import pickle
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import h5py
import numpy as np


def resampled(
    arrays: Mapping[str, np.ndarray], rate_hz: float, duration_s: float
) -> dict[str, np.ndarray]:
    """For each time of the grid before the end, the last sample at or before it."""
    times = [
        Fraction(float(time)).limit_denominator(1000) for time in arrays["times_s"]
    ]
    rate = Fraction(rate_hz).limit_denominator(1000)
    rows, grid = [], []
    i = 0
    while i / rate < Fraction(duration_s).limit_denominator(1000):
        before = [row for row, time in enumerate(times) if time <= i / rate]
        rows.append(before[-1] if before else 0)
        grid.append(float(i / rate))
        i += 1
    found = {name: array[rows].copy() for name, array in arrays.items()}
    found["times_s"] = np.array(grid)
    if "regions" not in found:
        found["regions"] = found["frames"][:, None]
    if "boxes" not in found:
        shape = (*found["regions"].shape[:2], 4)
        found["boxes"] = np.broadcast_to(np.array([0.0, 0, 1, 1]), shape)
    if "region_mask" in found:
        for t, mask in enumerate(found["region_mask"]):
            for r, there in enumerate(mask):
                if not there:
                    found["regions"][t, r] = 0
                    found["boxes"][t, r] = [0, 0, 1, 1]
            if not any(mask):
                mask[0] = True
    return found


def window_of(windows: list[tuple[int, int]], frame: int) -> int:
    """The release's window for a frame: the shortest that covers it, the nearest of
    those; where none does, the nearest of all."""
    middle = Fraction(2 * frame + 1, 2)

    def rank(number: int) -> tuple[Fraction, int, Fraction, int]:
        first, end = windows[number]
        outside = max(first - middle, middle - end, Fraction(0))
        return outside, end - first, abs(Fraction(first + end, 2) - middle), number

    return min(range(len(windows)), key=rank)


def slta_release(clips: Path, objects: Path, video: str) -> dict[str, np.ndarray]:
    with (objects / f"{video.split('.')[0]}.pkl").open("rb") as file:
        regions = pickle.load(file)
    windows, vectors = [], []
    for path in sorted(clips.glob(f"{video}_*_*.npy")):
        start, end = path.stem.removeprefix(f"{video}_").split("_")
        windows.append((int(start) - 1, int(end) - 1))
        vectors.append(np.load(path, allow_pickle=False))
    order = sorted(range(len(windows)), key=windows.__getitem__)
    windows, vectors = [windows[i] for i in order], [vectors[i] for i in order]
    frames = [vectors[window_of(windows, frame)] for frame in range(len(regions))]
    times_s = np.array([frame / 3 for frame in range(len(regions))])
    return {"times_s": times_s, "frames": np.array(frames), "regions": regions}


def tan2d(file: Path, video: str, duration_s: float) -> dict[str, np.ndarray]:
    with h5py.File(file) as opened:
        found = opened[video]
        if isinstance(found, h5py.Group):
            found = found["c3d_features"]
        frames = found[:]
    times_s = np.array([i * duration_s / len(frames) for i in range(len(frames))])
    return {"times_s": times_s, "frames": frames}


def moment_detr(folders: Sequence[Path], video: str) -> dict[str, np.ndarray]:
    parts = []
    for folder in folders:
        array = np.load(folder / f"{video}.npz", allow_pickle=False)["features"]
        parts.append([row / (float(np.sqrt((row**2).sum())) + 1e-5) for row in array])
    rows = [np.concatenate(each) for each in zip(*parts, strict=False)]
    times_s = np.array([2.0 * i for i in range(len(rows))])
    return {"times_s": times_s, "frames": np.array(rows, np.float32)}
