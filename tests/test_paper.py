"""The paper's experiments take steps on the official annotations and the release's layout."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta import preparation, training
from slta.candidates import released, released_frames
from slta.datasets.base import Dataset
from slta.experiments import paper
from slta.models.slta import SLTAConfig
from slta.moments import Query
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


def test_all_of_them_are_tried() -> None:
    assert paper.EXPERIMENTS.keys() == ROOTS.keys()


@pytest.mark.parametrize("name", ROOTS)
def test_it_takes_three_steps_and_is_measured(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    usual = paper.EXPERIMENTS[name]
    dataset_config: Any = usual.dataset
    root = str(SHARED / "data" / ROOTS[name])
    experiment = replace(
        usual,
        dataset=replace(dataset_config, root=root),
        features=replace(
            usual.features,
            extractor=f"slta-release:{tmp_path / 'features'}",
            words="glove:words.txt",
        ),
        training=replace(usual.training, steps=3, evaluate_every=3, queries=4),
    )
    numbers = " ".join(["0.5"] * WORD)
    Path("words.txt").write_text("".join(f"{w} {numbers}\n" for w in ("person", "the")))
    dataset = few(preparation.open_dataset(experiment))
    for module in (preparation, training):
        monkeypatch.setattr(module, "open_dataset", lambda *_, **__: dataset)
    written(dataset, tmp_path / "features")
    run = training.train(name, experiment, tmp_path / "run", store=tmp_path / "store")
    assert run.experiment.model == SLTAConfig(boxes=False)
    _, about = run.load()
    assert about.sizes.word == WORD and about.sizes.frame == CLIP
    tested = {path.stem for path in (run.folder / "predictions").glob("*.jsonl")}
    assert tested == dataset.splits.keys() - {"train", "val"}
