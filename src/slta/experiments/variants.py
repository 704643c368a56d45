"""Variants of SLTA: ablations, single faults of the released notebook, and extensions.
Everything else is as in SLTA's experiment on the same data set."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from slta.experiments.config import Experiment
from slta.models.released import released

Change = Callable[[Experiment], Experiment]


def _model(usual: Experiment, **values: Any) -> Experiment:
    return replace(usual, model=replace(usual.model, **values))  # type: ignore[type-var]


def _without(usual: Experiment, part: str) -> Experiment:
    return _model(usual, **{part: False})


def _training(usual: Experiment, **values: Any) -> Experiment:
    return replace(usual, training=replace(usual.training, **values))


def _fault(usual: Experiment, name: str) -> Experiment:
    return replace(usual, model=released(usual.model, **{name: True}))  # type: ignore[arg-type]


PARTS = ("spatial_attention", "interaction", "language_attention", "context")
FAULTS = ("summed_regions", "frozen_attention", "wrong_pair", "signed_words")
VARIANTS: dict[str, Change] = {
    **{f"slta_no_{part}": partial(_without, part=part) for part in PARTS},
    # Without an extension of this implementation.
    "slta_mean_nouns": partial(_model, nouns="mean"),
    "slta_no_grounding": partial(_model, grounding_weight=0.0),
    "slta_all_nouns": partial(_training, noun_dropout=0.0),
    "slta_papers_pairs": partial(
        _training, background=0, queries_per_video=1, negatives=None
    ),
    # With a further extension.
    "slta_two_objects": partial(_model, objects=2),
    **{f"slta_{fault}": partial(_fault, name=fault) for fault in FAULTS},
}
"""Changes of an experiment, by name."""
