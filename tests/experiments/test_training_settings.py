"""The training settings of the experiments: what the model compares in a batch."""

import pytest

from slta import models
from slta.batches.candidate_batch import TrainingBatch
from slta.batches.video_batch import TrainingVideoBatch
from slta.datasets.split import Split
from slta.experiments import experiment, published
from slta.experiments.config import Experiment
from slta.models import MODELS
from slta.models.base import Sizes
from slta.moments import Span
from slta.training import draws
from tests.support import worlds

SIZES = Sizes(frame=8, region=8, word=8, sentence=8)
ON_TACOS = {name: experiment(name, "tacos") for name in MODELS}


def drawn(value: Experiment, split: Split) -> TrainingBatch | TrainingVideoBatch:
    model = models.build(value.model, SIZES)
    return draws.sampler(model, value, split).draw(0)


@pytest.mark.parametrize("data", ["charades_sta", "tacos", "didemo"])
def test_mcn_sees_another_window_of_the_video_of_every_query(data: str) -> None:
    split = worlds.split(
        {f"film {i}": [(Span(5.0, 10.0),)] for i in range(8)},
        duration_s=40.0,
        rate_hz=published.RATE_HZ,
    )
    given = drawn(experiment("mcn", data), split)
    assert isinstance(given, TrainingBatch)
    inside = ~given.matching & ~given.elsewhere
    assert {*given.batch.pairs[inside, 0].tolist()} == {*range(8)}


@pytest.mark.parametrize("name", ON_TACOS)
def test_a_batch_of_few_videos_is_full_and_compares_within_them(name: str) -> None:
    """TACoS has many queries of few videos."""
    spans = [(Span(float(start), start + 6.0),) for start in range(50)]
    split = worlds.split(
        {f"film {i}": spans for i in range(3)},
        duration_s=60.0,
        rate_hz=published.RATE_HZ,
    )
    given = drawn(ON_TACOS[name], split)
    assert len(given.batch.words) == ON_TACOS[name].training.queries
    if isinstance(given, TrainingBatch):
        assert (~given.matching & ~given.elsewhere).any()
