"""A trained model searches the windows that an index proposes."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from slta import Searcher
from slta.experiments.config import CandidatesConfig, Experiment, FeaturesConfig
from slta.features import EXTRACTORS, Kind
from slta.index.library import Index
from slta.index.trained import TrainedModel
from slta.models import build
from slta.models.base import Sizes
from slta.runs.run import About, Run
from tests.support.commands import call, refused
from tests.support.extractors import Colours, Tiles, coloured
from tests.support.worlds import FEW_UNITS

EXPERIMENT = Experiment(
    features=FeaturesConfig(extractor="tiles", rate_hz=4.0),
    candidates=CandidatesConfig(lengths_s=(1.0, 2.5), overlap=0.5, context_s=1.0),
    model=FEW_UNITS,
)
QUERY = "red then blue"


class Made(NamedTuple):
    library: Index
    run: Path
    store: Path

    @property
    def model(self) -> TrainedModel:
        return TrainedModel(Searcher(checkpoint=self.run, store=self.store))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.setitem(EXTRACTORS, "tiles", Kind(lambda _: Tiles()))
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    torch.manual_seed(0)
    about = About("tiles", "1", Sizes(region=3, frame=3, word=3), step=7)
    run = Run.create(tmp_path / "run", "tiny", EXPERIMENT)
    run.save(build(EXPERIMENT.model, about.sizes).eval(), about)
    folder = tmp_path / "films"
    folder.mkdir()
    for name, order in (("one", "red green blue red"), ("two", "blue green blue")):
        coloured(folder / f"{name}.mp4", order=order, rate_hz=9.99)
    store = tmp_path / "store"
    index = Index.open(
        folder, place=tmp_path / "index", extractor_name="colours", store=store
    )
    index.add()
    return Made(index, run.folder, store)


def test_the_moments_are_those_of_the_videos_by_themselves(made: Made) -> None:
    model = made.model
    assert model.extract(made.library.paths()) == {}
    hits = made.library.search(QUERY, top=100, model=model)
    searcher = Searcher(checkpoint=made.run, store=made.store)
    for path in made.library.paths():
        answer = searcher.search(path, QUERY, top=5)
        found = [hit for hit in hits.moments if hit.path == path]
        expected = {
            (round(m.span.start, 6), round(m.span.end, 6)): m.score
            for m in answer.moments
        }
        assert len(found) == len(expected)
        for hit in found:
            span = round(hit.span.start, 6), round(hit.span.end, 6)
            assert hit.confidence == pytest.approx(expected[span], abs=1e-6)
    assert hits.clear_from == 0.5
    scores = [hit.confidence for hit in hits.moments]
    assert scores == sorted(scores, reverse=True)


def test_features_are_extracted_once(made: Made) -> None:
    told = list[str]()
    made.model.extract(made.library.paths(), lambda _, __, name: told.append(name))
    assert {*told} == {"one.mp4", "two.mp4"}
    told.clear()
    made.model.extract(made.library.paths(), lambda _, __, name: told.append(name))
    assert told == []


def test_a_video_without_features_is_told_and_not_found(made: Made) -> None:
    model = made.model
    (made.library.root / "one.mp4").write_bytes(b"no film any more")
    (path,) = model.extract(made.library.paths())
    assert path.name == "one.mp4"
    hits = made.library.search(QUERY, top=100, model=model)
    assert {hit.path.name for hit in hits.moments} == {"two.mp4"}


def test_the_command_searches_with_a_run(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["search", made.library.root, QUERY, "--checkpoint", made.run, "--json"]
    places = ["--index", made.library.place, "--store", made.store]
    called = call(capsys, *words, *places)
    assert called.code in (0, 1)
    row = json.loads(called.out)
    hits = made.library.search(QUERY, model=made.model)
    assert [m["start_s"] for m in row["moments"]] == [
        round(hit.span.start, 3) for hit in hits.moments
    ]


def test_a_run_that_is_none_is_refused(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["search", made.library.root, QUERY, "--checkpoint", tmp_path / "films"]
    places = ["--index", made.library.place, "--store", made.store]
    refused(call(capsys, *words, *places), "is not a run folder")
