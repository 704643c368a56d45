"""How alike a frame and an example look, pair by pair."""

import numpy as np


def likeness(frame: np.ndarray, example: np.ndarray) -> float:
    """Of a frame's sights (s, D) to the most similar of the example's frames (n, s, D)."""

    def cosine(one: np.ndarray, other: np.ndarray) -> float:
        lengths = np.linalg.norm(one) * np.linalg.norm(other)
        return float(one @ other / lengths)

    best = -1.0
    for shown in example:
        regions = [max(cosine(r, other) for other in frame[1:]) for r in shown[1:]]
        alike = (cosine(shown[0], frame[0]) + sum(regions) / len(regions)) / 2
        best = max(best, alike)
    return best
