"""Kills the indexing of a folder at random moments, and looks at what is left.

The folder changes between the kills: files come, go, change and are renamed, and some are
copies. In the end the index is finished, and compared with one made undisturbed.
"""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from slta.features import EXTRACTORS, Kind
from slta.index import adding
from slta.index.library import Index
from slta.index.scanning import scan
from tests.support.extractors import Colours, coloured
from tests.support.libraries import NAMES, ORDERS, facts

ROOT = Path(__file__).resolve().parents[2]
QUERIES = ("red", "green", "blue")
PRUNES = 0.2
"""Share of the runs that prune; the others add."""
SILENT_S = 120.0
"""Seconds after which a process counts as hung."""


@dataclass
class Killed:
    """A folder that changes, and its index."""

    top: Path
    films: int
    rng: random.Random

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.top / "made").mkdir()
        for name, order in zip(NAMES, ORDERS, strict=True):
            coloured(self.top / "made" / name, order=order)
        (self.folder / "bad.mp4").write_text("no film")

    @property
    def folder(self) -> Path:
        return self.top / "films"

    def open(self, place: str = "index") -> Index:
        return Index.open(
            self.folder,
            place=self.top / place,
            extractor_name="colours",
            store=self.top / "store",
        )

    def change(self) -> None:
        """Leaves as many films, of which half are new."""
        rng = self.rng
        there = sorted(self.folder.glob("f*.mp4"))
        for path in rng.sample(there, len(there) // 4):
            path.unlink()
        there = sorted(self.folder.glob("f*.mp4"))
        for path in rng.sample(there, len(there) // 4):
            path.rename(self.folder / f"f{rng.randrange(10**9)}.mp4")
        there = sorted(self.folder.glob("f*.mp4"))
        for path in rng.sample(there, len(there) // 4):
            self._put(path)
        while len(there) < self.films:
            path = self.folder / f"f{rng.randrange(10**9)}.mp4"
            if there and rng.random() < 0.2:
                path.write_bytes(rng.choice(there).read_bytes())
            else:
                self._put(path)
            there.append(path)

    def _put(self, path: Path) -> None:
        """A film with a content of its own: what follows its end is no picture."""
        made = (self.top / "made" / self.rng.choice(NAMES)).read_bytes()
        path.write_bytes(made + self.rng.randbytes(8))

    def run(self, kill_after_s: float = SILENT_S) -> tuple[float, bool]:
        """Seconds of the work, and whether it was killed."""
        act = "prune" if self.rng.random() < PRUNES else "add"
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(f"{act}\n".encode())
        pid = int(self._line())
        start = time.monotonic()
        if not select.select([self.server.stdout], [], [], kill_after_s)[0]:
            os.kill(pid, signal.SIGKILL)
        return time.monotonic() - start, int(self._line()) == -signal.SIGKILL

    def _line(self) -> bytes:
        assert self.server.stdout is not None
        if not select.select([self.server.stdout], [], [], SILENT_S)[0]:
            raise TimeoutError("a process hangs")
        return self.server.stdout.readline()

    @cached_property
    def server(self) -> "subprocess.Popen[bytes]":
        """Starts a process for each line that it reads."""
        command = [sys.executable, "-m", "tests.support.killing"]
        with (self.top / "errors").open("wb") as errors:
            return subprocess.Popen(
                [*command, self.top],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                cwd=ROOT,
            )

    def stop(self) -> str:
        """Ends the server; returns what all printed as errors."""
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.close()
        self.server.wait(SILENT_S)
        self.server.stdout.close()
        return (self.top / "errors").read_text()


def kill_often(top: Path, *, kills: int, films: int, seed: int) -> dict[str, Any]:
    """Kills so often, and returns what was lost, doubled and wrong."""
    EXTRACTORS.setdefault("colours", Kind(lambda _: Colours()))
    rng = random.Random(seed)
    world = Killed(top, films, rng)
    world.change()
    length_s, _ = world.run()
    done = ended = searches = 0
    while done < kills:
        world.change()
        _, killed = world.run(rng.uniform(0, length_s))
        done += killed
        ended += not killed
        searches += _search(world)
    errors = world.stop()
    index = world.open()
    index.add()
    index.prune()
    verified = index.verify()
    snapshot = index.snapshot()
    files = Counter(file.path for file in snapshot.files)
    videos = Counter(video.id for video in snapshot.videos)
    anew = world.open("anew")
    anew.add()
    return {
        "kills": done,
        "ended_before": ended,
        "films": films,
        "searches_between": searches,
        "files": len(files),
        "videos": len(videos),
        "lost": len(scan(world.folder).files.keys() - files.keys())
        + len(facts(anew)["videos"].keys() - videos.keys()),
        "doubled": files.total() - len(files) + videos.total() - len(videos),
        "faults": len(verified.faults),
        "tracebacks": errors.count("Traceback"),
        "same_index": facts(index) == facts(anew),
        "same_answers": _answers(index) == _answers(anew),
    }


def _search(world: Killed) -> bool:
    """Searches what a killed process left; returns whether there was anything."""
    index = world.open()
    if not index.exists or not index.snapshot().there:
        return False
    hits = index.search("red", top=1000)
    paths = Counter(path for hit in hits.moments for path in hit.paths)
    spans = Counter((hit.path, hit.span) for hit in hits.moments)
    assert spans.total() == len(spans), "a moment is doubled"
    assert paths.keys() <= {index.root / f.path for f in index.snapshot().there}
    return True


def _answers(index: Index) -> list[list[str]]:
    found = [index.search(query, top=1000).to_json() for query in QUERIES]
    return [sorted(map(json.dumps, answer["moments"])) for answer in found]


def _serve(top: Path) -> None:
    """Starts a process for each line, as a start from nothing takes seconds; prints its
    number when it begins to work, and its status when it has ended."""
    import lance_namespace  # noqa: F401  which is most of LanceDB's own start

    EXTRACTORS["colours"] = Kind(lambda _: Colours())
    adding.COMMIT_S = 0.05
    for line in sys.stdin:
        # LanceDB, which has threads, is imported afterwards only.
        if (pid := os.fork()) == 0:
            _work(line.strip(), top)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _work(act: str, top: Path) -> None:
    status = 1
    try:
        import lancedb  # noqa: F401

        index = Index.open(
            top / "films",
            place=top / "index",
            extractor_name="colours",
            store=top / "store",
        )
        print(os.getpid(), flush=True)
        index.prune() if act == "prune" else index.add()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
