"""How surely a video shows what a query says, from a model's score: Platt scaling.

Platt, Probabilistic outputs for support vector machines, 1999; fitted as by Lin, Lin and
Weng, A note on Platt's probabilistic outputs, 2007.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from slta.fields import FieldError, number
from slta.models.base import logistic

STEPS, LONGEST = 100, 1.0
"""Maximum number and length of Newton's steps."""
FLATTEST = 1e-3
"""Minimum slope, for scores with a standard deviation of 1."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """A logistic that rises with the score."""

    slope: float
    intercept: float

    def __call__(self, score: Float[np.ndarray, "*n"] | float) -> Any:
        return logistic(self.slope * np.asarray(score, np.float64) + self.intercept)

    @classmethod
    def fit(
        cls, scores: Float[np.ndarray, " q"], there: Bool[np.ndarray, " q"]
    ) -> "Confidence":
        """The likeliest for queries with a moment (``there``) and without; both occur."""
        present, absent = int(there.sum()), int((~there).sum())
        target = np.where(there, (present + 1) / (present + 2), 1 / (absent + 2))
        middle, spread = float(scores.mean()), float(scores.std()) or 1.0
        x = np.stack([(scores - middle) / spread, np.ones(len(scores))], axis=1)
        weights = np.zeros(2)
        for _ in range(STEPS):
            share = logistic(x @ weights)
            curvature = (x * (share * (1 - share))[:, None]).T @ x + 1e-9 * np.eye(2)
            step = np.linalg.solve(curvature, x.T @ (target - share))
            weights += step * min(1.0, LONGEST / max(1e-12, float(np.hypot(*step))))
        slope, level = weights.tolist()
        if slope < FLATTEST:
            # Of scores that tell nothing only the order is left.
            mean = float(target.mean())
            slope, level = FLATTEST, float(np.log(mean / (1 - mean)))
        return cls(slope / spread, level - slope * middle / spread)

    @classmethod
    def parsed(cls, row: Mapping[str, Any]) -> "Confidence":
        """Raises ``FieldError`` for other values."""
        slope, intercept = number(row, "slope"), number(row, "intercept")
        if not (0 < slope < inf and isfinite(intercept)):
            what = f"gives slope and intercept as {slope:g} and {intercept:g}"
            raise FieldError(
                f"{what}, which are not of a rising logistic", "correct it"
            )
        return cls(slope, intercept)
