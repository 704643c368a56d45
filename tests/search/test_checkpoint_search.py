"""Searching with the model of a run: the same answers as in evaluation."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from slta.errors import InputError
from slta.evaluation.predictions import Prediction
from slta.experiments.config import CandidatesConfig, Experiment, FeaturesConfig
from slta.features import EXTRACTORS, Kind, extractor
from slta.features.base import Extractor, VideoFeatures
from slta.models import build
from slta.models.base import Sizes, logistic
from slta.models.mcn import MCNConfig
from slta.models.slta import SLTA
from slta.moments import Query, ranking
from slta.moments.spans import coverage
from slta.runs import inference
from slta.runs.run import About, Run
from slta.search import Answer, Searcher, evidence
from slta.search.answers import Retriever
from slta.search.trained import CLEAR
from slta.video.reading import Frames
from tests.support.answers import equal
from tests.support.commands import answered, call, refused
from tests.support.extractors import Colours, Tiles, coloured
from tests.support.search_output import SCHEMA, rows, undocumented, violations
from tests.support.worlds import FEW_UNITS

RATE_HZ = 4.0
EXPERIMENT = Experiment(
    features=FeaturesConfig(extractor="tiles", rate_hz=RATE_HZ),
    candidates=CandidatesConfig(lengths_s=(1.0, 2.5), overlap=0.5, context_s=1.0),
    model=FEW_UNITS,
)
QUERY = "red then blue"


class Made(NamedTuple):
    run: Run
    model: SLTA
    film: Path
    store: Path

    def searcher(self) -> Searcher:
        return Searcher(checkpoint=self.run.folder, store=self.store)

    def scored(self, query: str = QUERY) -> tuple[float, inference.Scored]:
        """The length of the film, and what evaluation is given for a query."""
        info, features = self.searcher().library.read(self.film)
        (found,) = inference.score(
            self.model,
            features,
            info.duration_s,
            [Tiles().text(query)],
            EXPERIMENT.candidates,
            RATE_HZ,
        )
        return info.duration_s, found

    def save(self) -> None:
        self.run.save(self.model, ABOUT)


ABOUT = About("tiles", "1", Sizes(region=3, frame=3, word=3), step=7)


@pytest.fixture(autouse=True)
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRACTORS, "tiles", Kind(lambda _: Tiles()))
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    torch.manual_seed(0)
    model = build(EXPERIMENT.model, ABOUT.sizes).eval()
    assert isinstance(model, SLTA)
    with torch.no_grad():
        # Random attentions are nearly even.
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "from_" not in name:
                weight.mul_(3)
        # Random offsets may be longer than a candidate.
        model.answer.weight[1:] *= 0.2 / model.answer.weight[1:].abs().sum()
        model.answer.bias.zero_()
    run = Run.create(tmp_path / "run", "tiny", EXPERIMENT)
    made = Made(run, model, tmp_path / "flag.mp4", tmp_path / "store")
    coloured(made.film, order="red green blue red", rate_hz=9.99)
    made.save()
    return made


def test_both_ways_of_answering_have_one_signature(made: Made) -> None:
    ways = [made.searcher(), Searcher("colours", store=made.store)]
    assert all(isinstance(each.retriever, Retriever) for each in ways)
    assert isinstance(Tiles(), Extractor)


@pytest.mark.slice
@pytest.mark.parametrize("top", [1, 3, 1000])
def test_search_and_evaluation_give_the_same_moments(made: Made, top: int) -> None:
    duration_s, scored = made.scored()
    prediction = Prediction.of(
        Query("1", "flag", QUERY),
        duration_s,
        scored.spans + scored.offsets_s,
        scored.relevance,
    )
    expected = prediction.moments(top=top)
    assert expected and np.ptp(scored.relevance) > 0 and scored.offsets_s.any()
    answer = made.searcher().search(made.film, QUERY, top=top)
    assert len(expected) == min(top, len(prediction.moments()))
    assert [m.span for m in answer.moments] == [m.span for m in expected]
    assert [m.video_id for m in answer.moments] == ["flag"] * len(expected)
    # The order is that of the relevance; what is shown is between 0 and 1.
    assert [m.score for m in answer.moments] == [
        float(logistic(m.score)) for m in expected
    ]


@pytest.mark.slice
def test_an_answer_says_what_the_model_says(made: Made) -> None:
    _, scored = made.scored()
    answer = made.searcher().search(made.film, QUERY)
    assert scored.word_weights is not None and scored.region_weights is not None
    best = int(scored.relevance.argmax())
    sure = 1 / (1 + np.exp(-scored.relevance.astype(np.float64)))
    assert answer.confidence == pytest.approx(sure.max())
    assert answer.confidence == answer.moments[0].score
    assert answer.is_clear == (sure.max() >= CLEAR)
    assert answer.parts == ("red", "then", "blue")
    np.testing.assert_array_equal(answer.part_weights, scored.word_weights[best])
    np.testing.assert_array_equal(answer.region_weights, scored.region_weights)
    np.testing.assert_allclose(answer.region_weights.sum(axis=1), 1, atol=1e-5)
    n = len(answer.times_s)
    assert answer.times_s.tolist() == [i / RATE_HZ for i in range(n)]
    assert answer.boxes.shape == (n, 4, 4) and n == len(scored.region_weights)
    spans = (scored.spans + scored.offsets_s).tolist()
    for time_s, shown in zip(answer.times_s, answer.relevance, strict=True):
        covering = [p for p, (a, b) in zip(sure, spans, strict=True) if a <= time_s < b]
        assert shown == pytest.approx(max(covering, default=0))


@pytest.mark.slice
def test_a_confidence_is_that_of_the_model(made: Made, tmp_path: Path) -> None:
    """MCN's relevance is a distance, whose logistic is never above a half."""
    experiment = replace(EXPERIMENT, model=MCNConfig(word_size=4, common_size=3))
    run = Run.create(tmp_path / "mcn", "tiny", experiment)
    sizes = ABOUT.sizes._replace(sentence=3)
    run.save(build(experiment.model, sizes), replace(ABOUT, sizes=sizes))
    answer = Searcher(checkpoint=run.folder, store=made.store).search(made.film, QUERY)
    info, features = made.searcher().library.read(made.film)
    (scored,) = inference.score(
        run.load()[0],
        features,
        info.duration_s,
        [Tiles().text(QUERY)],
        EXPERIMENT.candidates,
        RATE_HZ,
    )
    sure = np.exp(scored.relevance.astype(np.float64))
    assert answer.confidence == pytest.approx(sure.max())
    assert answer.confidence == answer.moments[0].score


@pytest.mark.slice
def test_weights_depend_on_the_query(made: Made) -> None:
    # Nothing is asserted of which: the model is random.
    searcher = made.searcher()
    one, other = (searcher.search(made.film, q) for q in ("red red", "blue then"))
    assert not np.allclose(one.region_weights, other.region_weights)
    assert np.ptp(other.part_weights) > 0
    assert one.relevance.tolist() != other.relevance.tolist()


@pytest.mark.slice
def test_another_searcher_answers_the_same_to_the_last_bit(made: Made) -> None:
    searcher = made.searcher()
    first = searcher.search(made.film, QUERY)
    searcher.search(made.film, "green")
    assert equal(searcher.search(made.film, QUERY), first)
    assert equal(made.searcher().search(made.film, QUERY), first)


def biased(made: Made, *bias: float) -> Answer:
    """An answer where relevance and offsets are these, whatever is asked."""
    with torch.no_grad():
        made.model.answer.weight.zero_()
        made.model.answer.bias.copy_(torch.tensor(bias))
    made.save()
    return made.searcher().search(made.film, QUERY)


@pytest.mark.slice
@pytest.mark.parametrize(
    ("relevance", "is_clear"),
    [(0.0, True), (-0.01, False), (800.0, True), (-800, False)],
)
def test_a_match_is_clear_from_one_half_on(
    made: Made, relevance: float, is_clear: bool
) -> None:
    answer = biased(made, relevance, 0.0, 0.0)
    assert answer.is_clear is is_clear
    assert 0 <= answer.confidence <= 1
    assert answer.moments[0].span.start == 0


@pytest.mark.slice
def test_where_offsets_leave_nothing_candidates_stay_where_they_are(made: Made) -> None:
    moved = biased(made, 1.0, 0.25, 0.0)
    assert moved.moments[0].span.start == 0.25
    assert moved.relevance[0] == 0 and (moved.relevance[1:] > 0.7).all()
    stayed = biased(made, 1.0, 50.0, -50.0)
    assert stayed.moments[0].span.start == 0
    assert (stayed.relevance > 0.7).all()


@pytest.mark.slice
def test_best_is_what_is_left_of_the_video(made: Made) -> None:
    """The most relevant candidate, moved out of the video, lends no words."""
    duration_s, scored = made.scored()
    offsets_s = np.zeros_like(scored.offsets_s)
    gone = int(scored.relevance.argmax())
    offsets_s[gone] = duration_s + 1
    changed = replace(scored, offsets_s=offsets_s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("slta.search.trained.score", lambda *_: [changed])
        answer = made.searcher().search(made.film, QUERY)
    left = np.delete(np.arange(len(scored.relevance)), gone)
    second = left[scored.relevance[left].argmax()]
    assert answer.confidence == float(logistic(float(scored.relevance[second])))
    assert scored.word_weights is not None
    np.testing.assert_array_equal(answer.part_weights, scored.word_weights[second])


@pytest.mark.slice
def test_frames_that_no_candidate_covers_have_even_weights(made: Made) -> None:
    _, scored = made.scored()
    assert scored.region_weights is not None
    changed = replace(scored, region_weights=scored.region_weights[:-2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("slta.search.trained.score", lambda *_: [changed])
        answer = made.searcher().search(made.film, QUERY)
    np.testing.assert_array_equal(answer.region_weights[-2:], 0.25)


@given(
    st.integers(0, 6).flatmap(
        lambda n: st.tuples(
            arrays.arrays(np.float64, (n, 2), elements=st.floats(-2, 8)),
            arrays.arrays(np.float64, (n,), elements=st.floats(0, 1)),
        )
    )
)
def test_coverage_is_the_greatest_value_of_what_covers(
    given: tuple[np.ndarray, np.ndarray],
) -> None:
    spans, values = given
    times_s = np.arange(12) / 2
    expected = [
        max(
            (v for v, (a, b) in zip(values, spans, strict=True) if a <= t < b),
            default=0,
        )
        for t in times_s
    ]
    assert coverage(times_s, spans, values).tolist() == expected


@pytest.mark.slice
def test_the_command_answers_like_python(
    capsys: pytest.CaptureFixture[str], made: Made
) -> None:
    options = ("--checkpoint", made.run.folder, "--store", made.store)
    answer = made.searcher().search(made.film, QUERY)
    called = call(capsys, "search", made.film, QUERY, "--json", *options)
    answered(called)
    said = json.loads(called.out)
    assert called.err == "" and said == {"path": str(made.film), **answer.to_json()}
    assert violations(said, SCHEMA) == [] and undocumented(said, SCHEMA) == set()
    assert said["clear_match"] is (said["confidence"] >= 0.5)
    assert said["confidence"] == said["moments"][0]["score"]
    assert [part["phrase"] for part in said["phrases"]] == QUERY.split()

    table = call(capsys, "search", made.film, QUERY, *options).out
    head = f"{'' if answer.is_clear else 'no '}clear match, confidence "
    assert f"\n{head}{answer.shown_confidence(2):.2f}" in table
    scores = [score for _, _, score in rows(table)]
    assert scores == answer.shown_scores(2)


@pytest.mark.slice
def test_the_runs_own_extractor_may_be_named(
    capsys: pytest.CaptureFixture[str], made: Made
) -> None:
    options = ("--json", "--checkpoint", made.run.folder, "--store", made.store)
    named = call(capsys, "search", made.film, QUERY, *options, "--extractor", "tiles")
    answered(named)
    assert named == call(capsys, "search", made.film, QUERY, *options)


def truncated(made: Made) -> None:
    content = made.run.weights.read_bytes()
    made.run.weights.write_bytes(content[: len(content) // 2])


def of_another_model(made: Made) -> None:
    weights = made.model.state_dict()
    weights["answer.bias"] = torch.zeros(5)
    facts = {"slta": json.dumps({**asdict(ABOUT), "sizes": ABOUT.sizes._asdict()})}
    safetensors.torch.save_file(weights, made.run.weights, facts)


def older(made: Made) -> None:
    made.run.save(made.model, replace(ABOUT, version="0"))


def no_run(made: Made) -> None:
    (made.run.folder / "config.json").unlink()


def no_json(made: Made) -> None:
    (made.run.folder / "config.json").write_text("{")


def not_numbers(made: Made) -> None:
    with torch.no_grad():
        made.model.answer.weight.fill_(torch.nan)
    made.save()


BAD: dict[str, tuple[Callable[[Made], object], tuple[str, ...], str]] = {
    "no run": (
        no_run,
        (),
        "run is not a run folder, as it has no config.json; name the folder",
    ),
    "damaged config": (no_json, (), "config.json cannot be read .*; train again"),
    "no weights": (
        lambda made: made.run.weights.unlink(),
        (),
        "weights.safetensors is missing: .* continue it with 'slta train --resume ",
    ),
    "half of the weights": (truncated, (), "weights.safetensors is damaged or of ano"),
    "another model": (of_another_model, (), "is damaged or of another .*; copy it ag"),
    "weights that are nan": (
        not_numbers,
        (),
        "the weights .*weights.safetensors give values that are not finite; copy",
    ),
    "another extractor": (
        lambda _: None,
        ("--extractor", "colours"),
        "trained with the features of tiles@1, not colours@1; leave --extractor out",
    ),
    "another version": (older, (), "trained with the features of tiles@0, not tiles@1"),
    "no extractor": (lambda _: None, ("--extractor", "tile"), "did you mean tiles"),
}


@pytest.mark.slice
@pytest.mark.parametrize("kind", BAD)
def test_a_run_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], made: Made, kind: str
) -> None:
    spoil, options, says = BAD[kind]
    spoil(made)
    given = ("--checkpoint", made.run.folder, "--store", made.store, *options)
    refused(call(capsys, "search", made.film, QUERY, *given), says)


@pytest.mark.parametrize("name", ["no such folder", "film.mp4"])
def test_a_run_must_be_a_folder_of_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    (tmp_path / "film.mp4").write_text("no film")
    options = ("--checkpoint", tmp_path / name, "--store", tmp_path / "store")
    refused(
        call(capsys, "search", "a.mp4", "a", *options),
        f"{name} is not a run folder, as it",
    )


@pytest.mark.slice
def test_features_that_are_no_numbers_are_made_again(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blinded(self: Tiles, frames: Frames) -> VideoFeatures:
        features = video(self, frames)
        features.regions[-1] = np.nan
        return features

    video = Tiles.video
    searcher = made.searcher()
    with monkeypatch.context() as patch:
        patch.setattr(Tiles, "video", blinded)
        with pytest.raises(InputError, match="values that are not finite; remove"):
            searcher.search(made.film, QUERY)
    shutil.rmtree(searcher.library.record(made.film).folder)
    assert equal(
        searcher.search(made.film, QUERY), made.searcher().search(made.film, QUERY)
    )


def test_without_a_run_an_extractor_needs_a_space_that_sentences_share(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> None:
        raise AssertionError("looked at the video")

    monkeypatch.setattr(Tiles, "video", look)
    film, store = coloured(tmp_path / "flag.mp4"), tmp_path / "store"
    for name in ("tiles", "cells"):
        line = refused(
            call(capsys, "search", film, "a", "--extractor", name, "--store", store),
            f"the features of {name} have no common space with sentences",
            "--checkpoint RUN, or leave --extractor out",
        )
        assert len(line) < 200
    assert not (store / "videos").exists()


def test_features_without_meanings_are_refused_in_python_too() -> None:
    frames = Frames(np.zeros((3, 8, 8, 3), np.uint8), np.arange(3) / 2)
    asked = [Colours().text("red")]
    with pytest.raises(
        ValueError, match=r"without a common space .* need a trained model"
    ):
        evidence.background(Tiles().video(frames), asked, rate_hz=2.0)


@pytest.mark.parametrize("name", ["imagenet-words", "cells", "colours", "tiles"])
def test_an_extractor_says_whether_it_needs_training(name: str, made: Made) -> None:
    one = extractor(name)
    seen = next(one.watch(made.film, rate_hz=1.0))
    assert one.common_space is (seen.frame_meanings is not None)
    assert one.common_space is (seen.region_meanings is not None)


def test_the_rank_is_that_of_the_relevance_not_of_what_is_shown() -> None:
    """Where logistic(relevance) is 1 for all, the more relevant still comes first."""
    spans = np.array([[0.0, 1.0], [2.0, 3.0]])
    relevance = np.array([50.0, 60.0])
    first, second = ranking.rank("a", spans, relevance, duration_s=3.0)
    assert first.score > second.score and logistic(first.score) == logistic(60.0) == 1
