"""SLTA with the paper's sizes and training, on the paper's three data sets.

    slta train charades_sta_slta --dataset.root DIR
    slta train charades_sta_slta_released --dataset.root DIR
    slta train tacos_slta --dataset.root DIR
    slta train tacos_slta_released --dataset.root DIR
    slta train tacos_slta_2dtan --dataset.root DIR
    slta train didemo_slta --dataset.root DIR

DIR holds the annotations, and in ``features`` the release's features; where those lie
elsewhere, add --features.extractor slta-release:THEIR_DIR. They are the features that the
paper was trained with, which their authors do not hand out any more. Words are GloVe's.
docs/reproducing.md has the numbers to expect. On other features the experiments train as
well, and those numbers do not hold.
"""

from dataclasses import replace

from slta.datasets.charades_sta import CharadesSTAConfig
from slta.datasets.didemo import DiDeMoConfig
from slta.datasets.slta_release import SLTACharadesConfig, SLTATacosConfig
from slta.datasets.tacos import Tacos2DTANConfig, TacosTallConfig
from slta.experiments.config import (
    CandidatesConfig,
    Experiment,
    FeaturesConfig,
    TrainingConfig,
)
from slta.models.slta import SLTAConfig

RATE_HZ = 3.0
LENGTHS_S = tuple(frames / RATE_HZ for frames in (16, 32, 48, 64))
CONTEXT_S = 128 / RATE_HZ

CHARADES_STA = Experiment(
    dataset=CharadesSTAConfig(cut=False),
    features=FeaturesConfig(
        extractor="slta-release", words="glove:glove.840B.300d.txt", rate_hz=RATE_HZ
    ),
    candidates=CandidatesConfig(
        lengths_s=LENGTHS_S,
        test_lengths_s=LENGTHS_S[:2],
        overlap=0.8,
        context_s=CONTEXT_S,
    ),
    model=SLTAConfig(boxes=False),
    training=TrainingConfig(
        steps=50_000,
        evaluate_every=2_500,
        queries=30,
        queries_per_video=0,
        learning_rate=1e-3,
    ),
)
TACOS = replace(
    CHARADES_STA,
    dataset=TacosTallConfig(cut=False),
    candidates=replace(CHARADES_STA.candidates, test_lengths_s=()),
)
DIDEMO = replace(
    CHARADES_STA,
    dataset=DiDeMoConfig(),
    candidates=CandidatesConfig(chunks=True, context_s=5.0),
)

EXPERIMENTS: dict[str, Experiment] = {
    "charades_sta_slta": CHARADES_STA,
    "charades_sta_slta_released": replace(CHARADES_STA, dataset=SLTACharadesConfig()),
    "tacos_slta": TACOS,
    "tacos_slta_released": replace(TACOS, dataset=SLTATacosConfig()),
    "tacos_slta_2dtan": replace(TACOS, dataset=Tacos2DTANConfig()),
    "didemo_slta": DIDEMO,
}
