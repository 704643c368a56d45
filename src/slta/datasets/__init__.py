"""Data sets: each is a file, each line here one that an experiment can name."""

from collections.abc import Callable
from typing import Any

from slta.datasets import own, shapes
from slta.datasets.base import Dataset

DATASETS: dict[type[Any], Callable[..., Dataset]] = {
    shapes.ShapesConfig: lambda config, progress: own.load(
        shapes.make(config, progress=progress)
    ),
}
"""By the type of its configuration: how to open it, with progress where it is made."""
