"""What the numbers of a model's configuration may be."""

from dataclasses import fields
from math import inf
from typing import Any

LARGEST = 100_000
"""Units of a layer; more are a slip of the hand."""


def check_ranges(config: Any) -> None:
    """Raises ``ValueError`` with the flag: a field's name says what it counts."""
    for field in fields(config):
        name, value = field.name, getattr(config, field.name)
        if name.endswith("_size") and not 1 <= value <= LARGEST:
            raise ValueError(
                f"model.{name} must be at least 1 and at most {LARGEST}, got {value}"
            )
        if name.endswith("dropout") and not 0 <= value < 1:
            raise ValueError(f"model.{name} must be in [0, 1), got {value}")
        if name.endswith("_share") and not 0 <= value <= 1:
            raise ValueError(f"model.{name} must be in [0, 1], got {value}")
        if name.endswith(("_weight", "margin")) and not 0 <= value < inf:
            raise ValueError(f"model.{name} must be at least 0, got {value}")
