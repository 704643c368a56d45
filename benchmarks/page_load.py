"""Many people searching ten hours of video through the server, on this machine alone.

People read what they found before they search on; without a pause it is as much as the
server can do. Most sentences are new to it.

    python -m benchmarks.page_load FOLDER INDEX STORE [SECONDS]

does the same with a folder that has an index.
"""

import http.client
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from benchmarks.library import Studio, build
from slta.search import Searcher
from slta.search.zero_shot import ZeroShot

HOURS = 10.0
CLIENTS = 16
PEOPLE_S, FAST_S = 300.0, 60.0
THINK_S = 1.0, 4.0
"""Of people, between an answer and the next search."""
KNOWN = 0.1
"""Share of sentences that were asked before."""
TIMEOUT_S = 30.0
MOST_S = 900.0
WHO = (
    "a man;a woman;two children;a dog;a cat;a cook;an old man;a girl in a red coat;a cyclist;"
    "a crowd;a horse;a bird;a player;a musician;a red car;a train;a boat;somebody"
).split(";")
DOES = (
    "runs;waits;jumps;opens a door;picks up a bottle;pours water;cuts an onion;plays a guitar;"
    "throws a ball;climbs;falls;turns around;reads a book;sits down;drinks from a cup;looks up;"
    "washes a plate;waves;sleeps;crosses"
).split(";")
WHERE = (
    "in a kitchen;on a beach;in the snow;at night;near a bridge;in a street;on a stage;"
    "in a forest;by a window;under a tree;in a stadium;at a table;on the stairs;in the rain"
).split(";")


@dataclass
class Tally:
    """What a client met."""

    found_ms: list[float] = field(default_factory=list)
    """From a request to its first moments."""
    done_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def sentences(seed: int) -> Iterator[str]:
    """Most of them new, from a few thousand."""
    rng, asked = random.Random(seed), list[str]()
    while True:
        if asked and rng.random() < KNOWN:
            yield rng.choice(asked)
            continue
        asked.append(f"{rng.choice(WHO)} {rng.choice(DOES)} {rng.choice(WHERE)}")
        yield asked[-1]


def load(port: int, *, clients: int, seconds: float, is_fast: bool) -> dict[str, Any]:
    """Searches for so long, at most ``MOST_S``; ``is_fast`` is without a pause."""
    end_s = time.monotonic() + min(seconds, MOST_S)
    with ThreadPoolExecutor(clients) as pool:
        tallies = list(
            pool.map(lambda n: _client(port, n, end_s, is_fast=is_fast), range(clients))
        )
    found = [ms for tally in tallies for ms in tally.found_ms]
    done = [ms for tally in tallies for ms in tally.done_ms]
    errors = [error for tally in tallies for error in tally.errors]
    return {
        "clients": clients,
        "seconds": seconds,
        "requests": len(found) + len(errors),
        "errors": len(errors),
        "first_errors": errors[:5],
        "per_second": round(len(found) / seconds, 1),
        "p50_ms": _percentile(found, 50),
        "p95_ms": _percentile(found, 95),
        "max_ms": _percentile(found, 100),
        "done_p95_ms": _percentile(done, 95),
    }


def _client(port: int, number: int, end_s: float, *, is_fast: bool) -> Tally:
    tally, rng = Tally(), random.Random(1000 + number)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    for sentence in sentences(number):
        if not is_fast:
            # They do not all begin at once, either.
            time.sleep(rng.uniform(*THINK_S))
        if time.monotonic() >= end_s:
            break
        try:
            _search(connection, sentence, tally)
        except (OSError, http.client.HTTPException) as error:
            tally.errors.append(repr(error))
            connection.close()
    connection.close()
    return tally


def _search(
    connection: http.client.HTTPConnection, sentence: str, tally: Tally
) -> None:
    begun_s = time.perf_counter()
    connection.request("GET", f"/api/search/stream?{urlencode({'q': sentence})}")
    answer = connection.getresponse()
    events = list[str]()
    while line := answer.readline().decode():
        if line.startswith("event: "):
            events.append(line.removeprefix("event: ").strip())
        if line.startswith("data: ") and events == ["found"]:
            tally.found_ms.append((time.perf_counter() - begun_s) * 1e3)
    tally.done_ms.append((time.perf_counter() - begun_s) * 1e3)
    if events[:1] != ["found"] or events[-1:] != ["done"]:
        tally.errors.append(f"{answer.status} {events} for {sentence!r}")


def _percentile(values: list[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 1) if values else None


@contextmanager
def server(root: Path, place: Path, store: Path) -> Iterator[tuple[int, int]]:
    """Port and process id of a server of an index."""
    words = ["serve", str(root), "--index", str(place), "--store", str(store)]
    process = subprocess.Popen(
        [sys.executable, "-m", "slta.cli", *words, "--as-is", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"at http://127\.0\.0\.1:(\d+)/", line)
        if match is None:
            raise RuntimeError(f"the server did not start: {line}")
        yield int(match[1]), process.pid
    finally:
        process.terminate()
        process.communicate()


def resident_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return round(int(status.partition("VmRSS:")[2].split()[0]) / 1024, 1)


def ask(
    root: Path, place: Path, store: Path, *, people_s: float, fast_s: float
) -> dict[str, Any]:
    """Both ways of asking, each of a server of its own."""
    measured = dict[str, Any]()
    for name, seconds in (("people", people_s), ("fast", fast_s)):
        with server(root, place, store) as (port, process):
            # The first search of a server opens what all need.
            load(port, clients=1, seconds=5.0, is_fast=True)
            before = resident_mb(process)
            found = load(port, clients=CLIENTS, seconds=seconds, is_fast=name == "fast")
            after = resident_mb(process)
        measured[name] = found | {
            "memory_before_mb": before,
            "memory_after_mb": after,
            "memory_growth_mb": round(after - before, 1),
        }
    return measured


def measure(data: Path) -> dict[str, Any]:
    """``data`` is the folder of the real videos, of which ten hours are made."""
    said = json.loads((data / "clips" / "sentences.json").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "store"
        searcher = Searcher(store=store)
        searcher.prepare()
        clips = [searcher.index(data / clip) for clip in said["present"]]
        parts = [clip.features.part(0, len(clip.features.times_s)) for clip in clips]
        model = searcher.retriever
        assert isinstance(model, ZeroShot)
        index = build(folder / "library", HOURS, Studio(parts, model), store)
        place = folder / "library" / f"{HOURS:g}-index"
        measured = ask(index.root, place, store, people_s=PEOPLE_S, fast_s=FAST_S)
        return {"hours": HOURS, "videos": len(index.snapshot().videos), **measured}


if __name__ == "__main__":
    root, place, store = map(Path, sys.argv[1:4])
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else PEOPLE_S
    print(json.dumps(ask(root, place, store, people_s=seconds, fast_s=seconds / 5)))
