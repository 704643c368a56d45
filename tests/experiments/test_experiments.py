"""Every model on every data set: it is built, trains and answers."""

import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.tables.cells import load

from slta.datasets import SOURCES
from slta.datasets.base import Dataset
from slta.datasets.split import Split
from slta.evaluation.measuring import measure
from slta.evaluation.protocols import PROTOCOLS
from slta.experiments import ALIASES, DATA, experiment, titled
from slta.experiments.config import Experiment
from slta.experiments.data import VARIANTS
from slta.experiments.opening import open_dataset, open_splits, resolve_extractor
from slta.models import MODELS
from slta.moments import Query, Span
from slta.moments.candidates import released, released_frames
from slta.runs.inference import predict
from slta.training.draws import check, sampler
from slta.training.train import new_model
from tests.support.annotation_files import WRITERS
from tests.support.own_data import SPLITS, annotated, moments_of, planted
from tests.support.own_data import save_arrays as write_features
from tests.support.worlds import TINY, tiny

SIZES = {"frame": 12, "region": 8, "word": 300}


def test_names_of_earlier_versions_stay() -> None:
    assert titled("shapes_slta") == experiment("slta", "shapes")
    assert titled("charades_sta_qd_detr") == experiment("qd_detr", "charades_sta")
    assert titled("composites_slta_no_context") == experiment(
        "slta_no_context", "composites"
    )
    for name, (model, data) in ALIASES.items():
        assert titled(name) == experiment(model, data)


def test_hyphens_and_the_names_of_slta_data_will_do() -> None:
    assert experiment("slta", "charades-sta") == titled("charades_sta_slta")
    assert experiment("slta", "tacos-tall") == titled("tacos_slta")
    assert experiment("slta", "slta-tacos") == titled("tacos_slta_released")


def test_a_data_set_is_what_its_own_name_says() -> None:
    """Composites and your own data have the same files."""
    for name, offer in DATA.items():
        assert experiment("slta", name) == offer.experiment("slta")


def test_every_data_set_is_offered_with_a_known_protocol() -> None:
    names = {offer.dataset.name for offer in DATA.values()}
    assert names == {*SOURCES, "shapes"}
    assert {offer.protocol for offer in DATA.values()} <= PROTOCOLS.keys()
    for name, offer in DATA.items():
        assert offer.recipes.keys() <= MODELS.keys(), name


def test_models_differ_on_a_data_set_in_themselves_and_in_their_training() -> None:
    for data in DATA:
        usual = experiment("slta", data)
        for name in (*MODELS, *VARIANTS):
            found = experiment(name, data)
            model = "slta_released" if name in FAULTY else name
            assert found.model.name == ("slta" if name in VARIANTS else model) or (
                found.model.name == "slta_released"
            )
            same = replace(found, model=usual.model, training=usual.training)
            assert same == usual
            check(found)


FAULTY = ("slta_summed_regions", "slta_frozen_attention")


def test_an_experiment_on_shapes_has_what_val_chose() -> None:
    detr = load("models-slots")
    rows = load("models")["models"] | detr["models"] | detr["longer"]["models"]
    assert {"shapes_slta", "shapes_qd_detr", "shapes_moment_detr"} <= rows.keys()
    for name, found in rows.items():
        training = titled(name).training
        chosen = found["learning_rate"], found["steps"]
        assert (training.learning_rate, training.steps) == chosen, name


def in_the_releases_layout(root: Path, dataset: Dataset) -> Mapping[str, Any]:
    folder = root / "features"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for video_id in dataset.video_ids:
        frames = released_frames(dataset.durations_s.get(video_id, 30.0))
        for start, end in released(frames, (16,)):
            vector = rng.normal(size=(1, SIZES["frame"])).astype(np.float32)
            np.save(folder / f"{video_id}_{start}_{end}.npy", vector)
        regions = rng.normal(size=(frames, 2, SIZES["region"])).astype(np.float32)
        stem = video_id.removesuffix(".avi")
        (folder / f"{stem}.pkl").write_bytes(pickle.dumps(regions, protocol=2))
    path = root / "words.txt"
    words = {
        word
        for queries in dataset.splits.values()
        for q in queries
        for word in q.query.lower().strip(".").split()
    }
    rows = ((word, rng.normal(size=SIZES["word"])) for word in sorted(words))
    path.write_text(
        "".join(f"{w} {' '.join(map('{:.3f}'.format, v))}\n" for w, v in rows)
    )
    return {"words": f"glove:{path}"}


def in_our_layout(root: Path, dataset: Dataset) -> Mapping[str, Any]:
    rng = np.random.default_rng(0)
    for video_id in dataset.video_ids:
        count = int(2 * dataset.durations_s.get(video_id, 60.0))
        frames = rng.normal(size=(count, SIZES["frame"])).astype(np.float32)
        times_s = np.arange(count) / 2
        write_features(
            root / "features" / f"{video_id}.npz",
            {"frames": frames, "times_s": times_s.astype(np.float32)},
        )
    return {}


def here(data: str, root: Path) -> Experiment:
    """SLTA on a small tree of the data set's files and features, in the folder."""
    usual = experiment("slta", data)
    name = usual.dataset.name
    if name == "shapes":
        return replace(usual, dataset=TINY.dataset, features=TINY.features)
    if name == "own":
        annotated(root, SPLITS)
        for each in [each for names in SPLITS.values() for each in names]:
            number = int(each[2:4])
            made = planted(number, moments_of(number))
            write_features(root / "features" / f"{each}.npz", made)
        features: Mapping[str, Any] = {}
    else:
        WRITERS[name](root)
        dataset = SOURCES[name].open(root)
        write: Callable[[Path, Dataset], Mapping[str, Any]] = in_our_layout
        if usual.features.extractor == "slta-release":
            write = in_the_releases_layout
        features = write(root, dataset)
    config: Any = usual.dataset
    return resolve_extractor(
        replace(
            usual,
            dataset=replace(config, root=str(root)),
            features=replace(usual.features, **features),
        )
    )


def together(splits: Iterable[Split], usual: Experiment) -> Split:
    """The queries of all splits, and a random one for some windows of each video: a tree
    by itself has too few to compare one with others."""
    every = [*splits]
    videos = {name: video for each in every for name, video in each.videos.items()}
    infos = {name: info for each in every for name, info in each.infos.items()}
    queries = [query for each in every for query in each.queries]
    asked = [one for each in every for one in each.query_features]
    rng = np.random.default_rng(0)
    for name, info in infos.items():
        windows = usual.candidates.training_windows(info.duration_s)
        for i in np.linspace(0, len(windows) - 1, 3).astype(int).tolist():
            truth = (Span(*windows[i].tolist()),)
            queries.append(Query(f"{name} {i}", name, f"a person {i}", truth))
            meaning = rng.normal(size=asked[0].meanings[:1].shape).astype(np.float32)
            words = rng.normal(size=asked[0].word_vectors.shape).astype(np.float32)
            meaning /= np.linalg.norm(meaning)
            asked.append(replace(asked[0], meanings=meaning, word_vectors=words))
    facts = {name: fact for each in every for name, fact in each.facts.items()}
    return Split(tuple(queries), tuple(asked), videos, infos, facts)


@pytest.fixture(scope="module", params=DATA)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Experiment, Split]:
    root = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        if request.param.startswith("shapes"):
            tiny().enter(patch)
        usual = here(request.param, root)
        store = None if request.param.startswith("shapes") else root / "store"
        there = [
            name for name, queries in open_dataset(usual).splits.items() if queries
        ]
        return (
            request.param,
            usual,
            together(open_splits(usual, there, store).values(), usual),
        )


@pytest.mark.slice
@pytest.mark.parametrize("model", MODELS)
def test_every_model_trains_on_every_data_set(
    place: tuple[str, Experiment, Split], model: str
) -> None:
    data, usual, split = place
    found = experiment(model, data)
    training = replace(found.training, queries=4, still_queries=4)
    small = replace(usual, model=smaller(found.model), training=training)
    network, _ = new_model(small, split, None)
    learns = [each for each in network.parameters() if each.requires_grad]
    before = [parameter.clone() for parameter in learns]
    draws = sampler(network, small, split)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for step in range(3):
        batch = draws.draw(0, step)
        loss = network.loss(network(batch.batch), batch)
        assert loss.isfinite() and loss > 0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    changed = [new.ne(old).any() for old, new in zip(before, learns, strict=True)]
    assert all(new.isfinite().all() for new in learns) and any(changed)
    video = split.queries[0].video_id
    answers = predict(network, split, small, videos=[video])
    assert len(answers) == len(split.by_video[video])
    assert all(np.isfinite(each.spans).all() for each in answers)
    if any(len(each.truth) for each in answers):
        measure(answers, "ctrl")


def smaller(model: Any) -> Any:
    sizes = {each.name: 16 for each in fields(model) if each.name.endswith("size")}
    few = {"clips": 8, "max_clips": 8, "heads": 2, "layers": 2, "sentence_layers": 1}
    sizes |= {each.name: few[each.name] for each in fields(model) if each.name in few}
    return replace(model, **sizes)
