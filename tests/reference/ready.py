"""Ready features, read slowly: one time after another."""

from collections.abc import Mapping
from fractions import Fraction

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
