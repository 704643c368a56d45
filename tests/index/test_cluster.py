"""Videos looked at by a cluster: each once, whatever is lost meanwhile."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.cluster import exchange
from slta.errors import InputError
from slta.index.library import Index
from tests.support import ray_clusters
from tests.support.commands import call, refused
from tests.support.extractors import coloured
from tests.support.indexed_films import SHOWN, known, record, records

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
    both = Path(os.environ["SLTA_HOME"]) / "both"
    both.touch()

    def kill() -> bool:
        """Ends the node as soon as it looks at a video."""
        for _ in range(2400):
            if any(where == node.node_id for _, where in ray_clusters.looks()):
                cluster.remove_node(node, allow_graceful=False)
                return True
            time.sleep(0.05)
        return False

    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(kill)
        added = index.add(ray=cluster.address)
    both.unlink()
    assert lost.result() and added.videos == 9 and added.known == 1
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
        store = known().copy(tmp_path / f"store-{name}", without=known().film)
        shutil.rmtree(record(store, known().long))
        place = tmp_path / name
        flags = [*flags, "--index", place, "--store", store, "--keep", "full"]
        done = call(capsys, "index", folder, *flags)
        assert done.code == 0 and "indexed 2 videos" in done.err
        assert len(done.err.splitlines()) == 1, "Ray must be silent"
        indexes[name] = Index.open(folder, place=place, store=store)
    for query in SHOWN:
        here, there = (index.search(query) for index in indexes.values())
        assert here.moments
        for one, other in zip(here.moments, there.moments, strict=True):
            # Nearly: sums have another order with another number of threads.
            assert one.path == other.path and abs(one.score - other.score) < 0.1
            assert abs(one.span.start - other.span.start) < 0.2
            assert abs(one.span.end - other.span.end) < 0.2
    stores = [
        index.searcher.library.read(folder / "trip.mp4")[1]
        for index in indexes.values()
    ]
    for name, array in stores[0].arrays().items():
        assert np.allclose(array, stores[1].arrays()[name], atol=1e-2), name


def test_a_video_that_ends_every_process_does_not_stop_the_others(
    cluster: Any, folder: Path
) -> None:
    for path in folder.iterdir():
        if path.name != "red-red.mp4":
            path.unlink()
    deadly = coloured(folder / "deadly.mp4", order="blue")
    added = opened(folder).add(ray=cluster.address)
    assert added.videos == 1 and "was lost 4 times" in added.problems["deadly.mp4"]
    deadly.rename(folder / "harmless.mp4")
    again = opened(folder).add()
    assert again.videos == 1 and again.gone == []


def test_what_a_machine_does_not_have_can_be_read_later(
    cluster: Any, folder: Path
) -> None:
    root = folder.parent / "root"
    root.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    # A link that leads there in this process only.
    (root / "mine").symlink_to(f"/proc/self/fd/{handle}")
    index = opened(root)
    added = index.add(ray=cluster.address)
    assert added.videos == 0 and len(added.problems) == 11
    assert "cannot be read on the machine" in added.problems["mine/red-red.mp4"]
    assert [file.path for file in index.snapshot().files] == ["mine/none.mp4"]
    os.close(handle)


def test_features_of_a_data_set_are_extracted_once_and_stored_here(
    cluster: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "again.mp4").unlink()
    store = folder.parent / "store"
    flags = ["--extractor", "slow", "--rate", 2, "--store"]
    first = call(capsys, "extract", folder, *flags, store, "--ray", cluster.address)
    assert first.code == 2 and "9 videos extracted, 0 already stored" in first.out
    assert "none.mp4 is not a video" in first.err
    assert len(ray_clusters.looks()) == 9
    again = call(capsys, "extract", folder, *flags, store, "--ray", "localhost:1")
    assert "0 videos extracted, 9 already stored" in again.out, "nothing was left to do"
    here = folder.parent / "here"
    call(capsys, "extract", folder, *flags, here)
    assert records(here) == records(store)
    for path in here.rglob("*.npy"):
        assert path.read_bytes() == (store / path.relative_to(here)).read_bytes()


def test_when_the_cluster_goes_away_what_was_finished_is_kept(
    folder: Path,
) -> None:
    index = opened_later = None
    with ray_clusters.cluster() as mine:
        index = opened(folder)

        def bar(done: float, _total: float, _name: str) -> None:
            if done > 0:
                mine.shutdown()

        begun = time.monotonic()
        with pytest.raises(InputError, match="went away; what was finished is kept"):
            index.add(ray=mine.address, bar=bar)
        assert time.monotonic() - begun < 60
        kept = len(index.snapshot().videos)
        assert 1 <= kept < 9
        opened_later = opened(folder)
        assert opened_later.add().videos == 9 - kept
    assert set(rows(opened_later).values()) == {1}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        pytest.param("somewhere", "is not an address; give HOST:PORT", id="a word"),
        pytest.param("http://a:1", "is not an address", id="a URL"),
        pytest.param("localhost:1", "refused.*ray start --head", id="none there"),
    ],
)
def test_a_wrong_address_is_one_line(
    address: str,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    coloured(tmp_path / "a.mp4")
    store = known().copy(tmp_path / "store")
    flags = ["--ray", address, "--index", tmp_path / "index", "--store", store]
    refused(call(capsys, "index", tmp_path, *flags), says)


def test_without_a_cluster_here_the_line_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ray

    from slta.cluster import driver

    def none(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance")

    monkeypatch.setattr(ray, "init", none)
    with pytest.raises(InputError, match=r"no Ray cluster runs.*ray start --head"):
        driver.connect("auto")


def test_without_ray_the_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exchange, "find_spec", lambda _: None)
    for verb in ("index", "extract"):
        done = call(capsys, verb, tmp_path, "--ray", "auto")
        refused(done, r"pip install 'slta\[ray\]'")


def test_ray_is_not_imported_here() -> None:
    modules = "slta.index.cluster, slta.datasets.extraction, slta.cli.commands"
    code = f"import sys, {modules}; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
