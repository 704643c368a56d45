"""What every model that scores candidates must pass, whatever its paper."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from slta.batches.candidate_batch import TrainingBatch
from slta.datasets.split import Split
from slta.evaluation.measuring import measure
from slta.models import MODELS, config_of
from slta.models.base import CandidateModel
from slta.moments.spans import as_array, temporal_iou
from slta.runs.inference import score
from slta.training.draws import sampler
from tests.support.batches import asked, close, longer, made, noisy, training_batch
from tests.support.candidate_models import (
    ELSEWHERE,
    LESSONS,
    RATE_HZ,
    SMALL,
    experiment,
    fresh,
    learnt,
    world,
)

"""Those that see regions: test_slta.py and test_released.py."""
ONE_FOR_ALL = {"video_only": 0.5, "moment_prior": 0.25}
"""Those that answer all queries of a video alike, and the share that this can reach: one
of the two queries of a video, one of the four places."""


def test_no_model_is_forgotten() -> None:
    configs = {name: config_of(builder)() for name, builder in MODELS.items()}
    assert all(config.name == name for name, config in configs.items())
    assert configs.keys() == MODELS.keys()
    known = {name for name in MODELS if isinstance(made(configs[name]), CandidateModel)}
    assert known - ELSEWHERE == SMALL.keys() == LESSONS.keys()


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_learns(name: str) -> None:
    model, batch = made(SMALL[name]).train(), asked()
    given = training_batch(batch, torch.ones(len(batch.pairs), 2))
    model.loss(model(batch), given).backward()
    for part, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, part


@pytest.mark.parametrize("name", SMALL)
def test_mixed_precision_changes_little(name: str) -> None:
    model, batch = made(SMALL[name]), asked()
    given = training_batch(batch, torch.ones(len(batch.pairs), 2))
    usual = model.loss(model(batch), given)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.loss(model(batch), given)
    mixed.backward()
    assert mixed.item() == pytest.approx(usual.item(), rel=0.05, abs=0.01)
    for part, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), part


@pytest.mark.parametrize("name", SMALL)
def test_padding_never_matters(name: str) -> None:
    model, batch = made(SMALL[name]), asked()
    with torch.no_grad():
        expected = model(batch)
        for padded in (noisy(batch), longer(batch)):
            found = model(padded)
            close(found.relevance, expected.relevance)
            close(found.offsets_s, expected.offsets_s)


@pytest.mark.parametrize("name", SMALL)
def test_regions_are_never_needed(name: str) -> None:
    model, batch = made(SMALL[name]), asked()
    assert isinstance(model, CandidateModel) and not model.sees_regions
    bare = replace(
        batch,
        regions=batch.regions[:, :, :0],
        boxes=batch.boxes[:, :, :0],
        region_mask=batch.region_mask[:, :, :0],
    )
    with torch.no_grad():
        close(model(bare).relevance, model(batch).relevance)


@pytest.mark.parametrize("name", SMALL)
def test_confidence_is_a_share_that_rises_with_the_relevance(name: str) -> None:
    model = made(SMALL[name])
    with torch.no_grad():
        relevance = model(asked()).relevance.sort().values.numpy()
    found = model.confidence(relevance)
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[1:] >= found[:-1]).all() and found[-1] > found[0]


@pytest.mark.parametrize("name", SMALL)
def test_a_pair_scores_the_same_in_training_as_in_search(name: str) -> None:
    split, whole = world(), experiment(SMALL[name])
    torch.manual_seed(0)
    model = fresh(SMALL[name], split).eval()
    given = sampler(model, whole, split).draw(0)
    assert isinstance(given, TrainingBatch)
    with torch.no_grad():
        scores = model(given.batch)
    numbers = {
        query.word_vectors.tobytes(): i for i, query in enumerate(split.query_features)
    }
    compared = set()
    for row in given.matching.nonzero()[:, 0].tolist():
        asked_as = int(given.batch.pairs[row, 0])
        words = given.batch.words[asked_as][given.batch.word_mask[asked_as]]
        number = numbers[words.numpy().tobytes()]
        query = split.queries[number]
        (found,) = score(
            model,
            split.videos[query.video_id],
            split.infos[query.video_id].duration_s,
            [split.query_features[number]],
            whole.candidates,
            RATE_HZ,
        )
        window = as_array(query.truth or ())[0] - given.offsets_s[row].numpy()
        (place,) = np.flatnonzero(np.abs(found.spans - window).max(axis=1) < 1e-4)
        close(torch.tensor(found.relevance[place]), scores.relevance[row])
        close(torch.tensor(found.offsets_s[place]), scores.offsets_s[row])
        compared.add(number)
    assert len(compared) == 8


@pytest.mark.parametrize("name", LESSONS)
def test_it_learns_a_few_queries_by_heart(name: str) -> None:
    split, lesson = world(), LESSONS[name]
    answers = learnt(lesson, split)
    assert len(answers) == 8
    table = measure(answers, "plain")
    at_half, at_most = attainable(name, lesson.model, split)
    assert table.recall(n=1, iou=0.5) == at_half
    assert table.recall(n=1, iou=0.7) == at_most


def attainable(name: str, model: Any, split: Split) -> tuple[float, float]:
    """The best that a model can reach at IoU 0.5 and 0.7, if it cannot move a window or
    answers two queries with one window."""
    if name in ONE_FOR_ALL:
        return ONE_FOR_ALL[name], ONE_FOR_ALL[name]
    if hasattr(model, "offset_weight"):
        return 1.0, 1.0
    windows = experiment(model).candidates.windows(split.infos["v0"].duration_s)
    best = np.array(
        [
            temporal_iou(windows, as_array(query.truth or ())).max()
            for query in split.queries
        ]
    )
    found = float((best >= 0.5).mean()), float((best >= 0.7).mean())
    assert found == (1.0, 0.5)
    return found
