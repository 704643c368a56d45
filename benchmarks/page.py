"""How fast the page of ten hours of video is, alone and with many people, and what it takes.

The ten hours are made as in ``benchmarks.library``: there are no files behind them, so cards
come without pictures. An upload is of bytes that are no video, and is cut in the middle.
"""

import http.client
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from benchmarks import page_load
from benchmarks.library import Studio, build
from benchmarks.page_load import resident_mb, server
from slta.search import Searcher
from slta.search.zero_shot import ZeroShot

HOURS: Final = 10.0
PEOPLE_S, FAST_S = 300.0, 60.0
TIMES: Final = 15
"""Pages that are opened, and queries that are asked in one."""
UPLOAD: Final = 2 << 30
PIECE: Final = 16 << 20
"""Bytes of a request of an upload."""
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
PAGE: Final = Path(__file__).parents[1] / "src" / "slta" / "serve" / "page"
ASK: Final = """query => new Promise(usable => {
    const list = document.querySelector("#found");
    const seen = new MutationObserver(() => {
        if (!list.querySelector("button, a")) return;
        seen.disconnect();
        usable(performance.now() - begun);
    });
    seen.observe(list, { childList: true, subtree: true });
    const field = document.querySelector("input[name=q]");
    field.value = query;
    const begun = performance.now();
    field.form.requestSubmit();
})"""


def measure(data: Path) -> dict[str, Any]:
    """``data`` is the folder of the real videos."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        where = _library(data, folder)
        return {
            "hours": HOURS,
            "people": _loaded(where, PEOPLE_S, is_fast=False),
            "fast": _loaded(where, FAST_S, is_fast=True),
            "browser": _browsed(where),
            "upload": _uploaded(where, folder),
            "assets_kb": round(sum(f.stat().st_size for f in PAGE.iterdir()) / 1000, 1),
        }


def _library(data: Path, folder: Path) -> tuple[Path, Path, Path]:
    """Folder, index and store."""
    said = json.loads((data / "clips" / "sentences.json").read_text())
    store = folder / "store"
    searcher = Searcher(store=store)
    searcher.prepare()
    clips = [searcher.index(data / clip) for clip in said["present"]]
    parts = [clip.features.part(0, len(clip.features.times_s)) for clip in clips]
    model = searcher.retriever
    assert isinstance(model, ZeroShot)
    index = build(folder / "library", HOURS, Studio(parts, model), store)
    return index.root, folder / "library" / f"{HOURS:g}-index", store


def _loaded(
    where: tuple[Path, Path, Path], seconds: float, *, is_fast: bool
) -> dict[str, Any]:
    """Of a server of its own."""
    with server(*where) as (port, process):
        # The first searches of a server open what all need.
        page_load.load(port, clients=1, seconds=5.0, is_fast=True)
        with _memory(process) as memory:
            found = page_load.load(
                port, clients=page_load.CLIENTS, seconds=seconds, is_fast=is_fast
            )
    return found | memory


@contextmanager
def _memory(process: int) -> Iterator[dict[str, float]]:
    """Resident memory before, at most, and after, in MB; known at the end."""
    memory = {"memory_before_mb": resident_mb(process)}
    most, ended = [memory["memory_before_mb"]], Event()

    def watch() -> None:
        while not ended.wait(0.1):
            most.append(resident_mb(process))

    watching = Thread(target=watch, daemon=True)
    watching.start()
    yield memory
    ended.set()
    watching.join()
    memory["memory_after_mb"] = resident_mb(process)
    memory["memory_growth_mb"] = round(
        memory["memory_after_mb"] - memory["memory_before_mb"], 1
    )
    memory["peak_growth_mb"] = round(max(most) - memory["memory_before_mb"], 1)


def _browsed(where: tuple[Path, Path, Path]) -> dict[str, Any]:
    with server(*where) as (port, _), sync_playwright() as playwright:
        page_load.load(port, clients=1, seconds=5.0, is_fast=True)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS
        )
        address = f"http://127.0.0.1:{port}/"
        painted = [_painted_ms(browser, address) for _ in range(TIMES)]
        usable = _usable_ms(browser, address)
        browser.close()
    return {
        "times": TIMES,
        "first_paint_p50_ms": round(float(np.median(painted)), 1),
        "first_paint_max_ms": round(max(painted), 1),
        "card_p50_ms": round(float(np.median(usable)), 1),
        "card_max_ms": round(max(usable), 1),
    }


def _painted_ms(browser: Browser, address: str) -> float:
    """Of a browser that has nothing of the page."""
    page = browser.new_context().new_page()
    page.goto(address)
    page.wait_for_function(
        "performance.getEntriesByName('first-contentful-paint').length"
    )
    painted = page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    page.context.close()
    return float(painted)


def _usable_ms(browser: Browser, address: str) -> list[float]:
    """From queries that are new to the server to their first card, which can be clicked."""
    page = browser.new_context().new_page()
    times_ms = list[float]()
    queries = page_load.sentences(4242)
    asked = set[str]()
    while len(times_ms) < TIMES:
        if (query := next(queries)) in asked:
            continue
        asked.add(query)
        page.goto(address)
        times_ms.append(float(page.evaluate(ASK, query)))
    page.context.close()
    return times_ms


def _uploaded(where: tuple[Path, Path, Path], folder: Path) -> dict[str, Any]:
    """Half of the bytes are sent; then the connection is cut, and the rest follows."""
    home = folder / "home"
    home.mkdir()
    with _home(home), server(*where) as (port, process), _memory(process) as memory:
        begun_s = time.perf_counter()
        place = _created(port)
        sent = _sent(port, place, 0, UPLOAD // 2, cut=PIECE // 3)
        there = _offset(port, place)
        done = _sent(port, place, there, UPLOAD)
        seconds = time.perf_counter() - begun_s
    return {
        "bytes": UPLOAD,
        "cut_at": sent,
        "kept_at_the_cut": there,
        "whole": done == UPLOAD,
        "seconds": round(seconds, 1),
        **memory,
    }


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """What the server keeps lies there; its networks are those of this machine."""
    from slta.files import home

    (folder / "networks").symlink_to(home() / "networks")
    before = os.environ.get("SLTA_HOME")
    os.environ["SLTA_HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("SLTA_HOME")
        if before is not None:
            os.environ["SLTA_HOME"] = before


def _asked(
    port: int, method: str, place: str, headers: dict[str, str], body: bytes = b""
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, place, body, {"Tus-Resumable": "1.0.0", **headers})
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 400:
        raise RuntimeError(f"{method} {place}: {answer.status}")
    connection.close()
    return answer


def _created(port: int) -> str:
    headers = {"Upload-Length": str(UPLOAD), "Upload-Metadata": "filename bGFyZ2UubXA0"}
    answer = _asked(port, "POST", "/api/uploads", headers)
    return urlsplit(answer.headers["Location"]).path


def _offset(port: int, place: str) -> int:
    # Until the server has noticed the cut, the upload is in use.
    for _ in range(100):
        try:
            return int(_asked(port, "HEAD", place, {}).headers["Upload-Offset"])
        except RuntimeError:
            time.sleep(0.1)
    raise RuntimeError("the upload was not freed")


def _sent(port: int, place: str, start: int, end: int, cut: int = 0) -> int:
    """The offset at the end; after ``cut`` more bytes of the next piece, the connection is
    closed."""
    piece = os.urandom(PIECE)
    offset = start
    while offset < end:
        body = piece[: min(PIECE, end - offset)]
        headers = _patching(offset)
        answer = _asked(port, "PATCH", place, headers, body)
        offset = int(answer.headers["Upload-Offset"])
    if cut:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.putrequest("PATCH", place)
        for name, value in {**_patching(offset), "Content-Length": str(PIECE)}.items():
            connection.putheader(name, value)
        connection.endheaders(piece[:cut])
        time.sleep(0.5)
        connection.close()
        return offset + cut
    return offset


def _patching(offset: int) -> dict[str, str]:
    return {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
