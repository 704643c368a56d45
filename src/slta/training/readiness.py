"""Before a training: whether anything would stop it, and how long it takes."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import torch

from slta.batches.sampling import matches
from slta.datasets import SOURCES
from slta.datasets.annotations import Problem
from slta.datasets.checking import Report, check
from slta.datasets.shapes import ShapesConfig
from slta.datasets.split import Split
from slta.datasets.trainable import used
from slta.experiments.config import Experiment
from slta.experiments.opening import open_dataset, open_library, root_of
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.layouts import is_preextracted
from slta.models import build, builder_of, sees_whole_videos
from slta.models.base import Model, Sizes
from slta.moments import Query, VideoInfo
from slta.moments.spans import as_array
from slta.progress import ProgressFactory, no_progress
from slta.runs.inference import predict
from slta.training.draws import Draws, sampler

T = TypeVar("T")
STEPS = 2
"""Timed steps of each kind after a first one; the fastest counts."""
ENOUGH_S = 4.0
"""A first step that takes longer is not repeated."""
MOST = 200
"""Number of queries in the dummy data."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated seconds on this machine."""

    features_s: float
    """For the features of videos and sentences."""
    steps_s: float
    evaluations_s: float

    @property
    def total_s(self) -> float:
        return self.features_s + self.steps_s + self.evaluations_s

    def __str__(self) -> str:
        parts = ("features", "steps", "evaluations")
        each = (self.features_s, self.steps_s, self.evaluations_s)
        named = ", ".join(
            f"{name} {_rounded(s)}" for name, s in zip(parts, each, strict=True)
        )
        return (
            f"about {_rounded(self.total_s)} ({named}), estimated from a few steps on "
            "this machine"
        )


def estimate(experiment: Experiment, report: Report) -> Estimate:
    """The estimate for a data set without faults."""
    training = experiment.training
    splits = used(report.splits)
    train = [*islice(usable(experiment, report), MOST)]
    with TemporaryDirectory() as folder:
        library = open_library(experiment, Path(folder))
        dataset = open_dataset(experiment)
        path = library.find(dataset, train[0].video_id)
        frames, frame_s = _last_piece(library.pieces(path))
        middle = sorted(train, key=lambda query: len(query.query))[len(train) // 2]
        library.reader.text(middle.query)
        features, sentence_s = _timed(partial(library.reader.text, middle.query))
    used_queries = [query for queries in splits.values() for query in queries]
    videos = {query.video_id for query in used_queries}
    film_s = sum(report.durations_s.get(name, 0.0) for name in videos)
    features_s = frame_s * film_s * experiment.features.rate_hz
    features_s += sentence_s * len({query.query for query in used_queries})
    split = partial(_dummy, frames, features, report, experiment.features.rate_hz)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(training.threads or max(1, cores // training.processes))
    sizes = Sizes(
        region=frames.regions.shape[-1],
        frame=frames.frames.shape[-1],
        word=features.word_vectors.shape[-1],
        sentence=features.sentence.shape[-1],
    )
    model = build(experiment.model, sizes).to(device)
    draws = sampler(model, experiment, split(train))
    still = min(draws.still_steps, training.steps) if draws.still else 0
    kinds = ((0, still), (draws.still_steps, training.steps - still))
    steps_s = sum(
        count * _step_s(model, draws, first, device) for first, count in kinds if count
    )
    val = split([query for query in splits["val"] if query.truth][:1])
    _, query_s = _timed(lambda: predict(model, val, experiment))
    times = -(-training.steps // training.evaluate_every)
    answered = times * len(splits["val"]) + sum(
        len(queries) for name, queries in splits.items() if name not in ("train", "val")
    )
    return Estimate(features_s, steps_s, query_s * answered)


def _last_piece(pieces: Iterator[VideoFeatures]) -> tuple[VideoFeatures, float]:
    """The second piece, or the only one, and its time per frame."""
    first, took_s = _timed(lambda: next(pieces))
    second, again_s = _timed(lambda: next(pieces, None))
    if second is None:
        return first, took_s / len(first.times_s)
    return second, again_s / len(second.times_s)


def _dummy(
    frames: VideoFeatures,
    query_features: QueryFeatures,
    report: Report,
    rate_hz: float,
    queries: Sequence[Query],
) -> Split:
    """A split of one repeated frame and one repeated sentence."""
    lengths_s = {q.video_id: report.durations_s[q.video_id] for q in queries}
    return Split(
        queries=tuple(queries),
        query_features=(query_features,) * len(queries),
        videos={n: _repeated(frames, s, rate_hz) for n, s in lengths_s.items()},
        infos={n: VideoInfo(n, s, 16, 9) for n, s in lengths_s.items()},
    )


def _repeated(frames: VideoFeatures, length_s: float, rate_hz: float) -> VideoFeatures:
    count = max(1, int(np.ceil(length_s * rate_hz)))
    arrays = {
        name: np.broadcast_to(rows[:1], (count, *rows.shape[1:]))
        for name, rows in frames.arrays().items()
    }
    return VideoFeatures(**{**arrays, "times_s": np.arange(count) / rate_hz})


def _step_s(model: Model, draws: Draws, first: int, device: torch.device) -> float:
    optimizer = torch.optim.AdamW(model.parameters())

    def step(number: int) -> None:
        drawn = draws.of_step(number, seed=0, rank=0).to(device)
        optimizer.zero_grad()
        model.loss(model(drawn.batch), drawn).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    # The first step is slower; a very slow one is not repeated.
    _, took_s = _timed(partial(step, first))
    if took_s > ENOUGH_S:
        return took_s
    return min(_timed(partial(step, first + i))[1] for i in range(1, 1 + STEPS))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    made = work()
    return made, time.perf_counter() - begun


def _rounded(seconds: float) -> str:
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    if seconds < 100 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def check_ready(
    experiment: Experiment,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
) -> Sequence[Problem]:
    """Warnings about the data set, unless it is synthetic. Raises ``InputError`` for its
    first fault."""
    dataset, root = experiment.dataset, root_of(experiment)
    if root is None or isinstance(dataset, ShapesConfig) or dataset.name not in SOURCES:
        return []
    name = dataset.name
    extractor = experiment.features.extractor
    library = open_library(experiment, store)
    features = extractor if is_preextracted(extractor) else ""
    with shows("checking the data") as progress:
        report = check(
            SOURCES[name],
            root,
            progress,
            features,
            library.recalled,
            films=not features,
        )
    report.refusals += unmatched(experiment, report)
    again = f"slta data check {name} --root {root}"
    report.refuse(
        f"{again} --features {features}"
        if ":" in features or "," in features
        else again
    )
    return report.warnings


def unmatched(experiment: Experiment, report: Report) -> list[Problem]:
    """A problem if no candidate matches any moment of train."""
    train = [query for query in report.splits.get("train", ()) if query.truth]
    if report.refusals or not train:
        return []
    if next(usable(experiment, report), None) is not None:
        return []
    lengths_s = sorted(span.length_s for query in train for span in query.truth or ())
    what = "has no query with a matching window"
    remedy = f"moments last {lengths_s[0]:g} to {lengths_s[-1]:g} s: give such lengths "
    return [Problem(report.files["train"], None, what, remedy + LENGTHS)]


LENGTHS = "with --candidates.lengths-s"


def usable(experiment: Experiment, report: Report) -> Iterator[Query]:
    """Queries of train that can be trained with."""
    every = sees_whole_videos(builder_of(experiment.model))
    for query in report.splits.get("train", ()):
        if query.truth and (every or _matched(experiment, report, query)):
            yield query


def _matched(experiment: Experiment, report: Report, query: Query) -> bool:
    if (duration_s := report.durations_s.get(query.video_id)) is None:
        return True
    windows = experiment.candidates.training_windows(duration_s)
    truth = as_array(query.truth or ())
    return bool(matches(windows, truth, experiment.training.rule).matching.any())
