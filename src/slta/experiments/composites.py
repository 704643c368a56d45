"""All models on composites: real clips with what is said of them, laid end to end.

    slta train composites_slta --dataset.root DIR
    slta train composites_slta_no_interaction --dataset.root DIR
    slta train composites_slta_no_language_attention --dataset.root DIR
    slta train composites_slta_no_context --dataset.root DIR
    slta train composites_slta_frozen_attention --dataset.root DIR
    slta train composites_slta_wrong_pair --dataset.root DIR
    slta train composites_slta_signed_words --dataset.root DIR
    slta train composites_acrn --dataset.root DIR
    slta train composites_ctrl --dataset.root DIR
    slta train composites_mcn --dataset.root DIR
    slta train composites_moment_prior --dataset.root DIR
    slta train composites_query_only --dataset.root DIR
    slta train composites_role --dataset.root DIR
    slta train composites_video_only --dataset.root DIR
    slta train composites_vsa_rnn --dataset.root DIR
    slta train composites_vsa_stv --dataset.root DIR
    slta train composites_tan2d --dataset.root DIR
    slta train composites_moment_detr --dataset.root DIR
    slta train composites_qd_detr --dataset.root DIR
    slta compare composites_slta composites_role composites_ctrl --root DIR

DIR is a folder in the project's own format with ready features of whole frames, two a
second, and moments of 2 to 5 seconds. A frame is its only region, so that SLTA's spatial
attention has nothing to choose from; docs/results/composites.md has what came of it.
"""

from dataclasses import replace

from slta.datasets.own import OwnConfig
from slta.experiments import shapes_detr, shapes_models, shapes_slta
from slta.experiments.config import (
    CandidatesConfig,
    Experiment,
    FeaturesConfig,
    ModelConfig,
    TrainingConfig,
)
from slta.models.released import released
from slta.models.tan2d import Tan2DConfig

# With one region a frame, nouns count in the grounding alone, whose loss a tenth of their
# sum brings down more slowly.
MODEL = replace(shapes_slta.MODEL, nouns="mean")
SLTA = Experiment(
    dataset=OwnConfig(root="composites"),
    features=FeaturesConfig(extractor="ready", rate_hz=2.0, centred=True),
    candidates=CandidatesConfig(
        lengths_s=(2.0, 3.0, 4.0, 5.0), overlap=0.75, context_s=2.5, vote_iou=0.3
    ),
    model=MODEL,
    training=TrainingConfig(
        steps=600,
        evaluate_every=150,
        queries=32,
        queries_per_video=4,
        negatives=15,
        background=2,
        near=0.75,
        other_iou=0.5,
        learning_rate=4e-3,
        weight_decay=0.02,
    ),
)


def on_composites(model: ModelConfig) -> Experiment:
    return replace(SLTA, model=model)


def over_videos(model: ModelConfig, *, steps: int) -> Experiment:
    """Whole videos tell a model less a step than windows do: it takes more of them."""
    return replace(
        SLTA,
        model=model,
        training=TrainingConfig(
            steps=steps,
            evaluate_every=300,
            queries=32,
            queries_per_video=4,
            learning_rate=2e-3,
            weight_decay=0.01,
        ),
    )


PARTS = ("interaction", "language_attention", "context")
FAULTS = ("frozen_attention", "wrong_pair", "signed_words")
"""The release's others are in the attention over regions, of which a frame has one."""
EXPERIMENTS: dict[str, Experiment] = {
    "composites_slta": SLTA,
    **{
        f"composites_slta_no_{part}": on_composites(
            replace(MODEL, **{part: False})  # type: ignore[arg-type]
        )
        for part in PARTS
    },
    **{
        f"composites_slta_{fault}": on_composites(released(MODEL, **{fault: True}))
        for fault in FAULTS
    },
    **{
        name.replace("shapes", "composites"): on_composites(found.model)
        for name, found in shapes_models.EXPERIMENTS.items()
    },
    "composites_mcn": on_composites(shapes_models.MCN),
    "composites_tan2d": over_videos(
        Tan2DConfig(clips=40, size=48, sentence_layers=1, layers=3, kernel=3),
        steps=900,
    ),
    "composites_moment_detr": over_videos(
        shapes_detr.EXPERIMENTS["shapes_moment_detr"].model, steps=1800
    ),
    "composites_qd_detr": over_videos(
        shapes_detr.EXPERIMENTS["shapes_qd_detr"].model, steps=1000
    ),
}
