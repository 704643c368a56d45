"""Small files of word vectors, in the format of GloVe."""

from pathlib import Path

import numpy as np

from slta.features.text.glove import FEWEST

SIZE = FEWEST + 2


def vector(seed: int) -> list[str]:
    numbers = np.random.default_rng(seed).normal(size=SIZE)
    return [f"{number:.5f}" for number in numbers]


def write_vectors(path: Path, *names: str, end: str = "\n") -> Path:
    """The official text: each name with the vector of its place."""
    rows = [" ".join([name, *vector(i)]) for i, name in enumerate(names)]
    path.write_bytes("".join(row + end for row in rows).encode())
    return path
