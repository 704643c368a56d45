"""Ray clusters of this machine, and a slow extractor that their processes can import."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.packages import installed

TINY = {"num_cpus": 1, "memory": 2 << 30, "object_store_memory": 80 << 20}
"""Of each node."""
SLOW = """
import os, time, uuid
from pathlib import Path

import ray
from tests.support.extractors import Colours

LOOKS = Path(os.environ["SLTA_HOME"]) / "looks"
BOTH = LOOKS.with_name("both")  # there: wait until two nodes have looked at something

class Slow(Colours):
    id = "slow"

    def watch(self, path, *, rate_hz):
        LOOKS.mkdir(exist_ok=True)
        here = ray.is_initialized()
        node = ray.get_runtime_context().get_node_id() if here else "here"
        (LOOKS / f"{path.stem}-{uuid.uuid4().hex}").write_text(node)
        until = time.monotonic() + (120 if BOTH.exists() else 0.7)
        while time.monotonic() < until:
            if BOTH.exists() and len({p.read_text() for p in LOOKS.glob("*")}) > 1:
                until = min(until, time.monotonic() + 0.7)
            time.sleep(0.05)
        if path.stem.startswith("deadly"):
            os._exit(1)
        yield from super().watch(path, rate_hz=rate_hz)

def make(_):
    return Slow()
"""
ENTRY = "[slta.extractors]\nslow = slow_colours:make\n"


def looks() -> list[tuple[str, str]]:
    """What the slow extractor looked at, and on which node."""
    folder = Path(os.environ["SLTA_HOME"]) / "looks"
    return [(p.name.rpartition("-")[0], p.read_text()) for p in folder.glob("*")]


@contextmanager
def cluster() -> Iterator[Any]:
    """A cluster of one node; others may be added. Nothing of it is left behind."""
    # Not pytest's folder, as the paths of sockets must be short.
    folder = Path(tempfile.mkdtemp(prefix="slta-"))
    (folder / "ray").mkdir()
    (folder / "tmp").mkdir()
    package = installed(folder / "lib", "slow-colours", ENTRY, slow_colours=SLOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(package))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(package), os.getcwd()]))
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.setenv("TMPDIR", str(folder / "tmp"))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        made = Cluster(
            initialize_head=True, head_node_args={"include_dashboard": False, **TINY}
        )
        try:
            yield made
        finally:
            made.shutdown()
            sys.modules.pop("slow_colours", None)
            shutil.rmtree(folder, ignore_errors=True)
