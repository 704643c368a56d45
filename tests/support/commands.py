"""The command as a user runs it, and films that it has been asked about before."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from jaxtyping import UInt8
from PIL import Image

from slta import Searcher, cli
from slta.features.base import QueryFeatures, VideoFeatures, frame_by_frame
from slta.video import writing
from slta.video.reading import Frames

SIZE = (320, 180)
RATE_HZ = 9.99
"""Of the film, whose length is thus no whole number of hundredths of a second."""
SHOTS = ["chelsea", "coffee", "rocket", "chelsea"]
"""The photographs in the film, 20 frames of each."""
DURATION_S = len(SHOTS) * 20 / RATE_HZ
SHOWN = {"a cat": [0, 3], "a cup of coffee": [1], "a rocket": [2]}
"""Queries, and which of the shots answer them."""
RECORD = "imagenet-words@2-2hz"


@dataclass(frozen=True)
class Known:
    """Two films, and a store with all that a search makes of them. Not to be changed."""

    film: Path
    """Eight seconds: one photograph after another."""
    long: Path
    """Half a minute, so that something can happen while it is looked at."""
    store: Path

    def copy(self, to: Path, *, without: Path | None = None) -> Path:
        """The store, to change at will; without the features of a film if asked to.

        The unrelated sentences stay read, as that is what takes longest.
        """
        shutil.copytree(self.store, to)
        if without is not None:
            shutil.rmtree(record(to, without))
        return to


@cache
def known() -> Known:
    """Made once a test run, whichever worker comes first."""
    home = Path(os.environ["SLTA_HOME"])
    folder = home.parents["PYTEST_XDIST_WORKER" in os.environ] / "known"
    made = Known(folder / "trip.mp4", folder / "tour.mp4", folder / "store")
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            writing.write(made.film, _pictures(20), rate_hz=RATE_HZ)
            writing.write(made.long, _pictures(17), rate_hz=2)
            searcher = Searcher(store=made.store)
            searcher.index(made.film)
            searcher.index(made.long)
            (folder / "made").touch()
    return made


def _pictures(each: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    for name in SHOTS:
        photo = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
        yield from repeat(np.array(photo.resize(SIZE, Image.Resampling.BOX)), each)


def record(store: Path, video: Path) -> Path:
    """Where the features of a film lie."""
    return store / "videos" / Searcher(store=store).store.digest(video)[:32] / RECORD


def records(store: Path) -> set[str]:
    """All that lies in a store's folders of videos, by its path there."""
    top = store / "videos"
    return {str(path.relative_to(top)) for path in top.rglob("*")}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "slta.cli", *map(str, arguments)]


def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Called:
    """The command in this process, which spares the time to start one."""
    code = 0
    try:
        cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        assert isinstance(stop.code, int)
        code = stop.code
    out, err = capsys.readouterr()
    return Called(code, out, err)


def refused(called: "Called | subprocess.CompletedProcess[str]", *says: str) -> str:
    """The only line of a command that refuses what it was given."""
    if isinstance(called, subprocess.CompletedProcess):
        called = Called(called.returncode, called.stdout, called.stderr)
    assert called.code == 2 and called.out == ""
    line, rest = called.err.split("\n", 1)
    assert rest == "" and line.startswith("slta: ")
    assert "Traceback" not in line and len(line) < 1200
    for said in says:
        assert re.search(said, line), line
    return line


def answered(called: "Called | subprocess.CompletedProcess[str]") -> None:
    """That the exit code says of a search what was printed, and nothing went wrong."""
    if isinstance(called, subprocess.CompletedProcess):
        called = Called(called.returncode, called.stdout, called.stderr)
    if called.out.startswith("{"):
        answers = map(json.loads, called.out.splitlines())
        clear = any(answer["clear_match"] for answer in answers)
    else:
        assert re.search("clear match, confidence", called.out), called.err
        clear = bool(re.search("(?<!no )clear match, confidence", called.out))
    assert called.code == (0 if clear else 1), called.err


def meanings_of(features: VideoFeatures) -> tuple[np.ndarray, np.ndarray]:
    """Those of the frames and of the regions, which must be there."""
    assert features.frame_meanings is not None
    assert features.region_meanings is not None
    return features.frame_meanings, features.region_meanings


class Colours:
    """An extractor that knows red, green and blue, and needs no network."""

    id = "colours"
    version = "1"
    size = (8, 8)
    common_space = True

    def watch(self, path: Path, *, rate_hz: float) -> Iterator[VideoFeatures]:
        return frame_by_frame(self, path, rate_hz=rate_hz)

    def video(self, frames: Frames) -> VideoFeatures:
        looks = frames.images.mean(axis=(1, 2), dtype=np.float32) / 255
        n = len(looks)
        return VideoFeatures(
            times_s=frames.times_s,
            frames=looks,
            regions=looks[:, None],
            frame_meanings=looks,
            region_meanings=looks[:, None],
            boxes=np.tile(np.array([0, 0, 1, 1], np.float32), (n, 1, 1)),
        )

    def text(self, query: str) -> QueryFeatures:
        named = ["red", "green", "blue"]
        rng = np.random.default_rng(zlib.crc32(query.encode()))
        meaning = np.eye(3)[named.index(query)] if query in named else rng.random(3)
        meanings = meaning[None].astype(np.float32) / np.linalg.norm(meaning)
        return QueryFeatures(
            query=query,
            words=(query,),
            word_vectors=meanings,
            noun_mask=np.array([True]),
            action=False,
            phrases=(query,),
            meanings=meanings.astype(np.float32),
            attainable=np.ones(1, np.float32),
            appearances=meanings.astype(np.float32),
        )


def coloured(path: Path, *, order: str = "red green blue", rate_hz: float = 10) -> Path:
    """A film of some colours, twenty frames each."""
    shades = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}
    pictures = [
        np.full((48, 64, 3), shades[name], np.uint8)
        for name in order.split()
        for _ in range(20)
    ]
    writing.write(path, pictures, rate_hz=rate_hz)
    return path
