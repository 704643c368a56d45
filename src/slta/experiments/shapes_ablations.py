"""SLTA on the made world without one of its parts, with one fault of the released
notebook, or with something more; everything else is as in ``shapes_slta``.

    slta train shapes_slta_no_spatial_attention
    slta train shapes_slta_no_interaction
    slta train shapes_slta_no_language_attention
    slta train shapes_slta_no_context
    slta train shapes_slta_mean_nouns
    slta train shapes_slta_no_grounding
    slta train shapes_slta_all_nouns
    slta train shapes_slta_papers_pairs
    slta train shapes_slta_two_objects
    slta train shapes_slta_summed_regions
    slta train shapes_slta_frozen_attention
    slta train shapes_slta_wrong_pair
    slta train shapes_slta_signed_words

docs/results/shapes.md says what each is and what came of it.
"""

from dataclasses import replace

from slta.experiments import shapes_slta
from slta.experiments.config import Experiment
from slta.models.released import released

USUAL = shapes_slta.EXPERIMENT


def without(part: str) -> Experiment:
    return replace(USUAL, model=replace(shapes_slta.MODEL, **{part: False}))  # type: ignore[arg-type]


def with_fault(fault: str) -> Experiment:
    return replace(USUAL, model=released(shapes_slta.MODEL, **{fault: True}))


PARTS = ("spatial_attention", "interaction", "language_attention", "context")
FAULTS = (
    "summed_regions",
    "frozen_attention",
    "wrong_pair",
    "signed_words",
)
ADDITIONS: dict[str, Experiment] = {
    "mean_nouns": replace(USUAL, model=replace(shapes_slta.MODEL, nouns="mean")),
    "no_grounding": replace(
        USUAL, model=replace(shapes_slta.MODEL, grounding_weight=0.0)
    ),
    "all_nouns": replace(USUAL, training=replace(USUAL.training, noun_dropout=0.0)),
    "papers_pairs": replace(
        USUAL,
        training=replace(
            USUAL.training, background=0, queries_per_video=1, negatives=None
        ),
    ),
}
"""Without something that the paper does not have."""
EXTENSIONS: dict[str, Experiment] = {
    "two_objects": replace(USUAL, model=replace(shapes_slta.MODEL, objects=2)),
}
"""With something more that the paper does not have."""

EXPERIMENTS: dict[str, Experiment] = {
    f"shapes_slta_{name}": experiment
    for name, experiment in {
        **{f"no_{part}": without(part) for part in PARTS},
        **ADDITIONS,
        **EXTENSIONS,
        **{fault: with_fault(fault) for fault in FAULTS},
    }.items()
}
