"""Other models on the made world, with the films, features, windows and steps of
``shapes_slta``, and sizes as much smaller than their papers'.

    slta train shapes_acrn
    slta train shapes_ctrl
    slta train shapes_mcn
    slta train shapes_moment_prior
    slta train shapes_query_only
    slta train shapes_role
    slta train shapes_video_only
    slta train shapes_vsa_rnn
    slta train shapes_vsa_stv

No batch is of single frames, and no clip and no noun is left out: that is for models that
see regions. Learning rates are what val chose of two, the same for all. docs/models/index.md says
what each model is.
"""

from dataclasses import replace

from slta.experiments import shapes_slta
from slta.experiments.config import Experiment, ModelConfig
from slta.models.acrn import ACRNConfig
from slta.models.blind import MomentPriorConfig, QueryOnlyConfig, VideoOnlyConfig
from slta.models.ctrl import CTRLConfig
from slta.models.mcn import MCNConfig
from slta.models.role import ROLEConfig
from slta.models.vsa import VSARNNConfig, VSASTVConfig

USUAL = shapes_slta.EXPERIMENT
MCN = MCNConfig(hidden_size=128, word_size=64, common_size=64, dropout=0.2)


def on_shapes(
    model: ModelConfig, learning_rate: float = USUAL.training.learning_rate
) -> Experiment:
    training = replace(
        USUAL.training,
        still_steps=0,
        clip_dropout=0.0,
        noun_dropout=0.0,
        learning_rate=learning_rate,
    )
    return replace(USUAL, model=model, training=training)


EXPERIMENTS: dict[str, Experiment] = {
    "shapes_acrn": on_shapes(
        ACRNConfig(
            memory_size=256,
            pooled_size=32,
            fusion_size=1024,
            dropout=0.2,
            offset_weight=0.05,
        )
    ),
    "shapes_ctrl": on_shapes(
        CTRLConfig(common_size=256, hidden_size=1024, dropout=0.2, offset_weight=0.05)
    ),
    # At the paper's margin everything moved to one point first: the loss stayed at the
    # margin itself.
    "shapes_mcn": on_shapes(replace(MCN, margin=2.0), learning_rate=4e-3),
    "shapes_moment_prior": on_shapes(
        MomentPriorConfig(fusion_size=1024, dropout=0.2, offset_weight=0.05),
        learning_rate=4e-3,
    ),
    "shapes_query_only": on_shapes(
        QueryOnlyConfig(fusion_size=1024, dropout=0.2, offset_weight=0.05)
    ),
    "shapes_role": on_shapes(
        ROLEConfig(
            word_size=64,
            language_size=128,
            fusion_size=1024,
            dropout=0.2,
            offset_weight=0.05,
        )
    ),
    "shapes_video_only": on_shapes(
        VideoOnlyConfig(fusion_size=1024, dropout=0.2, offset_weight=0.05),
        learning_rate=4e-3,
    ),
    "shapes_vsa_rnn": on_shapes(
        VSARNNConfig(word_size=64, common_size=256, dropout=0.2)
    ),
    "shapes_vsa_stv": on_shapes(VSASTVConfig(common_size=256, dropout=0.2)),
}
