"""Videos looked at by a cluster: each once, whatever is lost meanwhile."""

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.errors import InputError
from slta.index import Index
from tests.support import ray_clusters
from tests.support.commands import call, refused
from tests.support.extractors import coloured
from tests.support.indexed_films import SHOWN, known

COLOURS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def cluster(_home: None) -> Iterator[Any]:
    with ray_clusters.cluster() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine different videos, one of them twice, and what is none."""
    folder = tmp_path / "films"
    folder.mkdir()
    for first in COLOURS:
        for second in COLOURS:
            coloured(folder / f"{first}-{second}.mp4", order=f"{first} {second}")
    shutil.copy(folder / "red-red.mp4", folder / "again.mp4")
    (folder / "none.mp4").write_text("nothing")
    shutil.rmtree(Path(os.environ["SLTA_HOME"]) / "looks", ignore_errors=True)
    return folder


def opened(folder: Path, extractor: str = "slow") -> Index:
    return Index.open(
        folder,
        place=folder.parent / "index",
        extractor_name=extractor,
        store=folder.parent / "store",
    )


def rows(index: Index) -> Counter[str]:
    """How often the index has each file, and each file's video."""
    snapshot = index.snapshot()
    files = [file.path for file in snapshot.files if file.video]
    return Counter([*files, *(video.id for video in snapshot.videos)])


def test_every_file_is_indexed_once_though_a_node_is_lost(
    cluster: Any, folder: Path
) -> None:
    node = cluster.add_node(**ray_clusters.TINY)
    index = opened(folder)
    lost = []

    def bar(_done: float, _total: float, _name: str) -> None:
        on_it = [name for name, where in ray_clusters.looks() if where == node.node_id]
        if on_it and not lost:
            lost.append(node)
            cluster.remove_node(node, allow_graceful=False)

    added = index.add(ray=cluster.address, bar=bar)
    assert lost and added.videos == 9 and added.known == 1
    assert [*added.problems] == ["none.mp4"]
    assert rows(index).total() == 10 + 9 and set(rows(index).values()) == {1}
    assert index.verify().faults == ()
    looked = Counter(name for name, _ in ray_clusters.looks())
    assert len(looked) == 9 and looked.total() > 9, "none was looked at again"
    begun = time.monotonic()
    assert index.add(ray=cluster.address).unchanged == 11
    assert time.monotonic() - begun < 1, "nothing is new, so no cluster is needed"


def test_a_command_finds_on_a_cluster_what_it_finds_here(
    cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "trips"
    folder.mkdir()
    shutil.copy(known().film, folder)
    shutil.copy(known().long, folder)
    indexes = {}
    for name, flags in (("here", []), ("there", ["--ray", cluster.address])):
        store = known().copy(tmp_path / f"store-{name}")
        shutil.rmtree(store / "paths")
        place = tmp_path / name
        flags = [*flags, "--index", place, "--store", store, "--keep", "full"]
        done = call(capsys, "index", folder, *flags)
        assert done.code == 0 and "indexed 2 videos" in done.err
        assert len(done.err.splitlines()) == 1, "Ray must be silent"
        indexes[name] = Index.open(folder, place=place, store=store)
    for query in SHOWN:
        here, there = (index.search(query) for index in indexes.values())
        assert here.moments and here == there
    stores = [index.searcher.library.read(folder / "trip.mp4")[1] for index in indexes.values()]
    for name, array in stores[0].arrays().items():
        assert np.array_equal(array, stores[1].arrays()[name]), name
