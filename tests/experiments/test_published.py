"""Experiments on the paper's data sets take steps on the official annotations and the
release's layout."""

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.datasets.base import Dataset
from slta.experiments import opening, titled
from slta.experiments.config import Experiment
from slta.models.slta import SLTAConfig
from slta.moments import Query
from slta.moments.candidates import released, released_frames
from slta.training import train as training
from tests.conftest import SHARED

pytestmark = [pytest.mark.real, pytest.mark.slice]
ROOTS = {
    "charades_sta_slta": "charades",
    "charades_sta_slta_released": "charades",
    "tacos_slta": "tacos",
    "tacos_slta_released": "tacos",
    "tacos_slta_2dtan": "tacos",
    "didemo_slta": "didemo",
}
CLIP, REGIONS, REGION, WORD = 32, 2, 16, 300
"""Small, but for the words: those of the real size are in test_layouts."""
QUERIES, LONGEST_S = 6, 250.0


def few(dataset: Dataset) -> Dataset:
    """Some queries of each split, of one video that is not too long."""
    splits = dict(dataset.splits)
    # Of DiDeMo, train is not at hand.
    splits.setdefault("train", splits.get("val", ()))
    return replace(
        dataset, splits={name: some(dataset, found) for name, found in splits.items()}
    )


def some(dataset: Dataset, queries: tuple[Query, ...]) -> tuple[Query, ...]:
    known = dataset.durations_s
    first = next(q for q in queries if known.get(q.video_id, 30.0) < LONGEST_S)
    return tuple(q for q in queries if q.video_id == first.video_id)[:QUERIES]


def written(dataset: Dataset, folder: Path) -> None:
    """Features of all of its videos as the release has them."""
    folder.mkdir(parents=True)
    for queries in dataset.splits.values():
        for video_id in dict.fromkeys(query.video_id for query in queries):
            rng = np.random.default_rng(len(video_id))
            frames = released_frames(dataset.durations_s.get(video_id, 30.0))
            for start, end in released(frames, (16,)):
                vector = rng.normal(size=(1, CLIP)).astype(np.float32)
                np.save(folder / f"{video_id}_{start}_{end}.npy", vector)
            regions = rng.normal(size=(frames, REGIONS, REGION)).astype(np.float32)
            stem = video_id.removesuffix(".avi")
            (folder / f"{stem}.pkl").write_bytes(pickle.dumps(regions, protocol=2))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("words") / "words.txt"
    numbers = " ".join(["0.5"] * WORD)
    path.write_text("".join(f"{word} {numbers}\n" for word in ("person", "the")))
    return f"glove:{path}"


@dataclass(frozen=True)
class Place:
    """What the experiments of one data set have in common."""

    folder: Path
    words: str
    root: str

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def here(self, usual: Experiment) -> Experiment:
        dataset: Any = usual.dataset
        return replace(
            usual,
            dataset=replace(dataset, root=self.root),
            features=replace(
                usual.features,
                extractor=f"slta-release:{self.folder / 'features'}",
                words=self.words,
            ),
            training=replace(usual.training, steps=3, evaluate_every=3, queries=4),
        )

    def opened(
        self, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
    ) -> Dataset:
        """A few videos, wherever the program asks for the data set."""
        dataset = few(opening.open_dataset(experiment))
        for module in (opening, training):
            monkeypatch.setattr(module, "open_dataset", lambda *_, **__: dataset)
        # There are no features of the others.
        monkeypatch.setattr(training, "check_ready", lambda *_: [])
        if not (self.folder / "features").exists():
            written(dataset, self.folder / "features")
        return dataset


@pytest.fixture(scope="module", params=ROOTS)
def place(
    request: pytest.FixtureRequest,
    words: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Place]:
    name = request.param
    root = SHARED / "data" / ROOTS[name]
    return name, Place(tmp_path_factory.mktemp(name), words, str(root))


def test_it_takes_three_steps_and_is_measured(
    place: tuple[str, Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, where = place
    experiment = where.here(titled(name))
    dataset = where.opened(experiment, monkeypatch)
    run = training.train(name, experiment, tmp_path / "run", store=where.store)
    assert run.experiment.model == SLTAConfig(boxes=False)
    _, about = run.load()
    assert about.sizes.word == WORD and about.sizes.frame == CLIP
    tested = {path.stem for path in (run.folder / "predictions").glob("*.jsonl")}
    assert tested == dataset.splits.keys() - {"train", "val"}
