"""The field's data sets, with the papers' hyper-parameters as far as they are known.

Charades-STA, TACoS and DiDeMo use the features of SLTA's paper, in the layout of its
release, and GloVe; QVHighlights and ActivityNet Captions use what is in their folder. With
other features, the papers' numbers do not apply. docs/models has the sources of the
hyper-parameters.
"""

from dataclasses import replace

from slta.datasets.activitynet_captions import ActivityNetCaptionsConfig
from slta.datasets.charades_sta import CharadesSTAConfig
from slta.datasets.didemo import DiDeMoConfig
from slta.datasets.qvhighlights import QVHighlightsConfig
from slta.datasets.slta_release import SLTACharadesConfig, SLTATacosConfig
from slta.datasets.tacos import Tacos2DTANConfig, TacosTallConfig
from slta.experiments.config import (
    AUTOMATIC,
    CandidatesConfig,
    FeaturesConfig,
    TrainingConfig,
)
from slta.experiments.data import Data, Recipe
from slta.models.acrn import ACRNConfig
from slta.models.blind import MomentPriorConfig, QueryOnlyConfig, VideoOnlyConfig
from slta.models.ctrl import CTRLConfig
from slta.models.mcn import MCNConfig
from slta.models.moment_detr import MomentDETRConfig
from slta.models.qd_detr import QDDETRConfig
from slta.models.released import notebook
from slta.models.role import ROLEConfig
from slta.models.slta import SLTAConfig
from slta.models.tan2d import Tan2DConfig
from slta.models.vsa import VSARNNConfig, VSASTVConfig

RATE_HZ = 3.0
"""Rate of the features of SLTA's paper."""
LENGTHS_S = tuple(frames / RATE_HZ for frames in (16, 32, 48, 64))
SLTA = TrainingConfig(
    steps=50_000,
    evaluate_every=2_500,
    queries=30,
    queries_per_video=0,
    learning_rate=1e-3,
)
CTRL = replace(SLTA, steps=20_000, evaluate_every=2_000, queries=56, learning_rate=5e-3)
MCN = replace(SLTA, steps=30_000, queries=120, background=1)
DETR = TrainingConfig(
    queries=32,
    queries_per_video=0,
    learning_rate=1e-4,
    weight_decay=1e-4,
    clip_norm=0.1,
)


def recipes(
    train: int, tan2d: Tan2DConfig, tan2d_queries: int = 32
) -> dict[str, Recipe]:
    """Recipes of all models, for ``train`` training queries."""
    slta = SLTAConfig(boxes=False)
    tan2d_training = TrainingConfig(
        queries=tan2d_queries, queries_per_video=0, learning_rate=1e-4
    )
    detr = _epochs(200, train, DETR)
    return {
        "acrn": Recipe(ACRNConfig(), SLTA),
        "ctrl": Recipe(CTRLConfig(), CTRL),
        "mcn": Recipe(MCNConfig(dropout=0.3), MCN),
        "moment_detr": Recipe(MomentDETRConfig(), detr),
        "moment_prior": Recipe(MomentPriorConfig(), SLTA),
        "qd_detr": Recipe(QDDETRConfig(), detr),
        "query_only": Recipe(QueryOnlyConfig(), SLTA),
        "role": Recipe(ROLEConfig(), SLTA),
        "slta": Recipe(slta, SLTA),
        "slta_released": Recipe(notebook(slta), SLTA),
        "tan2d": Recipe(tan2d, _epochs(100, train, tan2d_training)),
        "video_only": Recipe(VideoOnlyConfig(), SLTA),
        "vsa_rnn": Recipe(VSARNNConfig(), CTRL),
        "vsa_stv": Recipe(VSASTVConfig(), CTRL),
    }


def _epochs(count: int, train: int, training: TrainingConfig) -> TrainingConfig:
    """The training with steps for ``count`` epochs."""
    steps = count * train // training.queries
    return replace(training, steps=steps, evaluate_every=steps // 20)


# The number of queries in train without the held-out val.
CHARADES_STA = Data(
    dataset=CharadesSTAConfig(cut=False),
    features=FeaturesConfig(
        extractor="slta-release", words="glove:glove.840B.300d.txt", rate_hz=RATE_HZ
    ),
    candidates=CandidatesConfig(
        lengths_s=LENGTHS_S,
        test_lengths_s=LENGTHS_S[:2],
        overlap=0.8,
        context_s=128 / RATE_HZ,
    ),
    training=SLTA,
    video_training=_epochs(200, 11_083, DETR),
    recipes=recipes(11_083, Tan2DConfig(clips=16)),
)
TACOS = replace(
    CHARADES_STA,
    dataset=TacosTallConfig(cut=False),
    candidates=replace(CHARADES_STA.candidates, test_lengths_s=()),
    video_training=_epochs(200, 10_146, DETR),
    recipes=recipes(10_146, Tan2DConfig(clips=128, low_iou=0.3, high_iou=0.7), 16),
)
TACOS_2DTAN = replace(
    TACOS,
    dataset=Tacos2DTANConfig(),
    video_training=_epochs(200, 9_790, DETR),
    recipes=recipes(9_790, Tan2DConfig(clips=128, low_iou=0.3, high_iou=0.7), 16),
)
DIDEMO = replace(
    CHARADES_STA,
    dataset=DiDeMoConfig(),
    candidates=CandidatesConfig(chunks=True, context_s=5.0),
    protocol="didemo",
    video_training=_epochs(200, 33_005, DETR),
    recipes=recipes(33_005, Tan2DConfig(clips=6)),
)
QVHIGHLIGHTS = Data(
    dataset=QVHighlightsConfig(),
    # The clips of 2 s whose saliency is annotated.
    features=FeaturesConfig(extractor=AUTOMATIC, rate_hz=0.5),
    candidates=CandidatesConfig(
        lengths_s=(4.0, 8.0, 16.0, 32.0, 64.0, 128.0), overlap=0.75, context_s=20.0
    ),
    protocol="detr",
    training=SLTA,
    video_training=_epochs(200, 7_218, DETR),
    recipes=recipes(7_218, Tan2DConfig(clips=75)),
)
ACTIVITYNET_CAPTIONS = Data(
    dataset=ActivityNetCaptionsConfig(),
    features=FeaturesConfig(extractor=AUTOMATIC, rate_hz=1.0),
    candidates=CandidatesConfig(
        lengths_s=(8.0, 16.0, 32.0, 64.0, 128.0), overlap=0.75, context_s=30.0
    ),
    protocol="plain",
    training=SLTA,
    video_training=_epochs(200, 37_417, DETR),
    recipes=recipes(37_417, Tan2DConfig(clips=64, layers=4, kernel=9)),
)
CHARADES_STA_RELEASED = replace(CHARADES_STA, dataset=SLTACharadesConfig())
TACOS_RELEASED = replace(TACOS, dataset=SLTATacosConfig())
