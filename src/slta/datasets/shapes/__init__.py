"""Shapes, a synthetic data set: short videos of moving shapes, with sentences and spans.

Everything is determined by the seed. A folder has ``videos/<video_id>.mp4``,
``boxes/<video_id>.npz`` and, once it is complete, ``<split>.jsonl``.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Annotated, ClassVar, Final, NamedTuple

import numpy as np
from annotated_types import Interval
from jaxtyping import Bool, Float32, Float64

from slta import files
from slta.datasets.shapes.absence import ask_absent
from slta.datasets.shapes.draw import pictures
from slta.datasets.shapes.motion import ACTIONS
from slta.datasets.shapes.planner import plan
from slta.datasets.shapes.scene import HELD_OUT, Rules, Scene, Stage
from slta.datasets.shapes.sentences import Asked, ask, ask_repeated
from slta.errors import InputError
from slta.fields import check_ranges
from slta.video import writing

__all__ = ["HELD_OUT", "SPLITS", "Boxes", "ShapesConfig", "load_boxes", "make"]

VERSION: Final = 7
"""Changes whenever the same configuration gives other videos or sentences."""
SPLITS: Final = ("train", "val", "test", "test_novel")
CRF: Final = 23
NEWER: Final = ("actions", "objects", "plain", "absent", "repeated")
"""Fields added later, left out of the digest while they have their defaults."""
VideoCount = Annotated[int, Interval(ge=0, le=100_000)]
RequiredVideoCount = Annotated[int, Interval(ge=1, le=100_000)]
"""Videos of a split that training requires."""


@dataclass(frozen=True, kw_only=True)
class ShapesConfig:
    """Shapes: number, size and length of its videos."""

    name: ClassVar[str] = "shapes"
    train: RequiredVideoCount = 1400
    """Videos of train."""
    val: RequiredVideoCount = 40
    """Videos of val."""
    test: VideoCount = 80
    """Videos of test."""
    test_novel: VideoCount = 80
    """Videos of test_novel, whose pairs of a shape and an action are not in train."""
    length_s: Annotated[float, Interval(ge=20, le=60)] = 28.0
    """Mean length of a video in seconds; each is up to 15 % shorter or longer."""
    rate_hz: Annotated[int, Interval(ge=8, le=60)] = 12
    """Frames per second."""
    width: int = 256
    """Width in pixels."""
    height: Annotated[int, Interval(ge=96, le=1080)] = 192
    """Height in pixels."""
    seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0
    """Random seed."""
    actions: tuple[str, ...] = ()
    """Actions that occur, such as left, grow or hit; all if not given."""
    objects: int = 0
    """Objects in a video: 3 or 4 large ones, or 0 for 4 or 5 of two sizes."""
    plain: bool = False
    """One short query per event, with one wording for each action, and no repeated
    events."""
    absent: Annotated[float, Interval(ge=0, le=1)] = 0.0
    """Queries without a moment, as a share of those with one: the object, the action or
    both are not as in the video."""
    repeated: bool = False
    """Add a query with all its moments about each event that is repeated."""

    @property
    def rules(self) -> Rules:
        return Rules(self.actions or tuple(ACTIONS), self.objects, self.plain)

    def __post_init__(self) -> None:
        check_ranges(self, "dataset")
        if not self.height <= self.width <= 2 * self.height:
            raise ValueError(
                "dataset.width must be from dataset.height to twice as much, "
                f"{self.height} to {2 * self.height}, got {self.width}"
            )
        if self.objects not in (0, 3, 4):
            raise ValueError(f"dataset.objects must be 0, 3 or 4, got {self.objects}")
        if self.repeated and self.plain:
            raise ValueError(
                "dataset.repeated asks about repeated events, and dataset.plain has none; "
                "leave one of them out"
            )
        unknown = [name for name in self.actions if name not in ACTIONS]
        if unknown or len({*self.actions}) == 1:
            raise ValueError(
                f"dataset.actions is {' '.join(self.actions)}: give two or more of "
                f"{', '.join(ACTIONS)}"
            )


class Boxes(NamedTuple):
    """Boxes of the objects of a video, frame by frame."""

    times_s: Float64[np.ndarray, " t"]
    boxes: Float32[np.ndarray, "t o 4"]
    """x0, y0, x1, y1 as fractions of the frame."""
    visible: Bool[np.ndarray, "t o"]


def make(
    config: ShapesConfig,
    folder: Path | None = None,
    *,
    progress: Callable[[float, float], None] | None = None,
    workers: int | None = None,
) -> Path:
    """Makes the data set and returns its folder.

    Existing videos are kept, so that an interrupted call can be repeated. ``progress`` is
    called with the finished and the total number of videos.
    """
    described = json.dumps({"version": VERSION, **_described(config)}, sort_keys=True)
    digest = sha256(described.encode()).hexdigest()[:12]
    folder = folder or files.home() / "shapes" / digest
    lists = {split: folder / f"{split}.jsonl" for split in SPLITS}
    note = folder / "world.json"
    if note.exists() and note.read_text() != described:
        raise InputError(
            f"{folder} has Shapes of another configuration: give another folder"
        )
    if all(path.exists() for path in lists.values()):
        return folder
    for name in ("videos", "boxes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files.write_whole(note, described)
    jobs = [(split, i) for split in SPLITS for i in range(getattr(config, split))]
    made: dict[tuple[str, int], str] = {}
    workers = workers or len(os.sched_getaffinity(0))
    for job, lines in _films(config, folder, jobs, workers):
        made[job] = lines
        if progress is not None:
            progress(len(made), len(jobs))
    for split, path in lists.items():
        films = (made[split, i] for i in range(getattr(config, split)))
        files.write_whole(path, "".join(films))
    return folder


def _described(config: ShapesConfig) -> dict[str, object]:
    """The configuration, without newer fields that have their defaults."""
    usual = {field.name: field.default for field in fields(config)}
    return {
        name: value
        for name, value in asdict(config).items()
        if name not in NEWER or value != usual[name]
    }


def scene_of(config: ShapesConfig, split: str, index: int) -> Scene:
    """The scene of a video, independent of the number of videos."""
    rng = _rng(config, split, index, 0)
    length_s = config.length_s * rng.uniform(0.85, 1.15)
    stage = Stage(config.rate_hz, config.width / config.height)
    frames = round(length_s * config.rate_hz)
    return plan(rng, frames, stage, config.rules, novel=split == "test_novel")


def records(config: ShapesConfig, split: str, index: int) -> list[dict[str, object]]:
    """The annotations of a video's queries."""
    scene, video_id = scene_of(config, split, index), _video_id(split, index)
    return list(_records(config, split, index, scene, video_id))


def load_boxes(folder: Path, video_id: str) -> Boxes:
    with np.load(folder / "boxes" / f"{video_id}.npz", allow_pickle=False) as arrays:
        return Boxes(arrays["times_s"], arrays["boxes"], arrays["visible"])


def _films(
    config: ShapesConfig, folder: Path, jobs: list[tuple[str, int]], workers: int
) -> Iterator[tuple[tuple[str, int], str]]:
    """The annotations of every video, as soon as the video is made."""
    if workers == 1:
        for job in jobs:
            yield job, _film(config, folder, *job)
        return
    with ProcessPoolExecutor(
        workers, get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
    ) as pool:
        try:
            futures = {pool.submit(_film, config, folder, *job): job for job in jobs}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _end_with(parent: int) -> None:
    """Ends a worker when its parent is killed; it would wait forever otherwise."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _film(config: ShapesConfig, folder: Path, split: str, index: int) -> str:
    """Makes a missing video; returns the lines of its annotations."""
    scene, video_id = scene_of(config, split, index), _video_id(split, index)
    path = folder / "videos" / f"{video_id}.mp4"
    if not path.exists():
        boxes = folder / "boxes" / f"{video_id}.npz"
        with files.whole_file(boxes) as unfinished, unfinished.open("wb") as file:
            np.savez(
                file,
                times_s=np.arange(len(scene.tracks.places)) / config.rate_hz,
                boxes=scene.boxes(),
                visible=scene.tracks.visible,
            )
        rng = _rng(config, split, index, 2)
        images = pictures(scene, rng, config.width, config.height)
        writing.write(path, images, rate_hz=config.rate_hz, crf=CRF)
    lines = _records(config, split, index, scene, video_id)
    return "".join(json.dumps(line) + "\n" for line in lines)


def _records(
    config: ShapesConfig, split: str, index: int, scene: Scene, video_id: str
) -> Iterator[dict[str, object]]:
    for i, query in enumerate(_asked(config, split, index, scene)):
        spans = [scene.span(event) for event in query.events]
        yield {
            "query_id": f"{video_id}_{i}",
            "video_id": video_id,
            "query": query.sentence,
            "spans": [[round(span.start, 3), round(span.end, 3)] for span in spans],
            "duration_s": round(scene.duration_s, 3),
            "kind": query.kind,
            "objects": query.event.objects if query.events else [],
        }


def _asked(
    config: ShapesConfig, split: str, index: int, scene: Scene
) -> Iterator[Asked]:
    """Each kind with its own randomness, so that none changes another."""
    novel = split == "test_novel"
    usual, absent, repeated = (_rng(config, split, index, i) for i in (1, 3, 4))
    asked = ask(scene, usual, novel=novel, plain=config.plain)
    yield from asked
    if config.repeated:
        yield from ask_repeated(scene, repeated, novel=novel)
    yield from ask_absent(
        scene, asked, absent, config.rules, config.absent, novel=novel
    )


def _video_id(split: str, index: int) -> str:
    return f"{split}_{index:04}"


def _rng(
    config: ShapesConfig, split: str, index: int, stream: int
) -> np.random.Generator:
    return np.random.default_rng([config.seed, SPLITS.index(split), index, stream])
