"""The models that SLTA is compared with, on the paper's three data sets, with the sizes and
the training of their own papers as far as we know them.

    slta train charades_sta_acrn --dataset.root DIR
    slta train charades_sta_ctrl --dataset.root DIR
    slta train charades_sta_mcn --dataset.root DIR
    slta train charades_sta_moment_detr --dataset.root DIR
    slta train charades_sta_moment_prior --dataset.root DIR
    slta train charades_sta_qd_detr --dataset.root DIR
    slta train charades_sta_query_only --dataset.root DIR
    slta train charades_sta_role --dataset.root DIR
    slta train charades_sta_tan2d --dataset.root DIR
    slta train charades_sta_video_only --dataset.root DIR
    slta train charades_sta_vsa_rnn --dataset.root DIR
    slta train charades_sta_vsa_stv --dataset.root DIR
    slta train tacos_acrn --dataset.root DIR
    slta train tacos_ctrl --dataset.root DIR
    slta train tacos_mcn --dataset.root DIR
    slta train tacos_moment_detr --dataset.root DIR
    slta train tacos_moment_prior --dataset.root DIR
    slta train tacos_qd_detr --dataset.root DIR
    slta train tacos_query_only --dataset.root DIR
    slta train tacos_role --dataset.root DIR
    slta train tacos_tan2d --dataset.root DIR
    slta train tacos_video_only --dataset.root DIR
    slta train tacos_vsa_rnn --dataset.root DIR
    slta train tacos_vsa_stv --dataset.root DIR
    slta train didemo_acrn --dataset.root DIR
    slta train didemo_ctrl --dataset.root DIR
    slta train didemo_mcn --dataset.root DIR
    slta train didemo_moment_detr --dataset.root DIR
    slta train didemo_moment_prior --dataset.root DIR
    slta train didemo_qd_detr --dataset.root DIR
    slta train didemo_query_only --dataset.root DIR
    slta train didemo_role --dataset.root DIR
    slta train didemo_tan2d --dataset.root DIR
    slta train didemo_video_only --dataset.root DIR
    slta train didemo_vsa_rnn --dataset.root DIR
    slta train didemo_vsa_stv --dataset.root DIR

DIR is as for SLTA's own experiments, and so are features, words and candidates: what the
models differ in is themselves. docs/models/index.md says where the numbers are from.
"""

from dataclasses import replace

from slta.experiments import paper
from slta.experiments.config import Experiment, ModelConfig, TrainingConfig
from slta.models.acrn import ACRNConfig
from slta.models.blind import MomentPriorConfig, QueryOnlyConfig, VideoOnlyConfig
from slta.models.ctrl import CTRLConfig
from slta.models.mcn import MCNConfig
from slta.models.moment_detr import MomentDETRConfig
from slta.models.qd_detr import QDDETRConfig
from slta.models.role import ROLEConfig
from slta.models.tan2d import Tan2DConfig
from slta.models.vsa import VSARNNConfig, VSASTVConfig

DATA = {
    name: paper.EXPERIMENTS[f"{name}_slta"]
    for name in ("charades_sta", "tacos", "didemo")
}
QUERIES = {"charades_sta": 11_083, "tacos": 10_146, "didemo": 33_005}
"""Of train, of Charades-STA without those that are val here."""
SLTAS = paper.CHARADES_STA.training
CTRLS = replace(
    SLTAS, steps=20_000, evaluate_every=2_000, queries=56, learning_rate=5e-3
)
MCNS = replace(SLTAS, steps=30_000, queries=120, background=1)
TAN2D = {
    "charades_sta": Tan2DConfig(clips=16),
    "tacos": Tan2DConfig(clips=128, low_iou=0.3, high_iou=0.7),
    "didemo": Tan2DConfig(clips=6),
}


def for_epochs(count: int, data: str, training: TrainingConfig) -> TrainingConfig:
    """As many steps as it takes to see the queries of train so often."""
    steps = count * QUERIES[data] // training.queries
    return replace(training, steps=steps, evaluate_every=steps // 20)


def models(data: str) -> dict[str, tuple[ModelConfig, TrainingConfig]]:
    tan2d = TrainingConfig(
        queries=16 if data == "tacos" else 32, queries_per_video=0, learning_rate=1e-4
    )
    detr = replace(tan2d, queries=32, weight_decay=1e-4, clip_norm=0.1)
    return {
        "acrn": (ACRNConfig(), SLTAS),
        "ctrl": (CTRLConfig(), CTRLS),
        "mcn": (MCNConfig(dropout=0.3), MCNS),
        "moment_detr": (MomentDETRConfig(), for_epochs(200, data, detr)),
        "moment_prior": (MomentPriorConfig(), SLTAS),
        "qd_detr": (QDDETRConfig(), for_epochs(200, data, detr)),
        "query_only": (QueryOnlyConfig(), SLTAS),
        "role": (ROLEConfig(), SLTAS),
        "tan2d": (TAN2D[data], for_epochs(100, data, tan2d)),
        "video_only": (VideoOnlyConfig(), SLTAS),
        "vsa_rnn": (VSARNNConfig(), CTRLS),
        "vsa_stv": (VSASTVConfig(), CTRLS),
    }


EXPERIMENTS: dict[str, Experiment] = {
    f"{data}_{name}": replace(usual, model=model, training=training)
    for data, usual in DATA.items()
    for name, (model, training) in models(data).items()
}
