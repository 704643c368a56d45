"""Inference with a trained model: predictions of a split, and their numbers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from slta.batches.candidate_batch import candidates_of, collate, shot_of
from slta.batches.video_batch import ClipFeatures, videos
from slta.datasets.base import Facts
from slta.datasets.split import Split
from slta.errors import InputError
from slta.evaluation.measuring import WITHOUT_VIDEO, compared, without_video
from slta.evaluation.metrics.detr import CLIP_S, spread
from slta.evaluation.predictions import Prediction, write
from slta.evaluation.protocols import PROTOCOLS
from slta.evaluation.result import Evaluation, evaluate_file
from slta.experiments.config import CandidatesConfig, Experiment
from slta.experiments.opening import open_library, open_splits
from slta.extensions import unknown
from slta.features.base import QueryFeatures, VideoFeatures
from slta.models.base import CandidateModel, Model, VideoModel, logistic
from slta.moments import Query
from slta.moments.ranking import vote
from slta.moments.spans import as_array, coverage
from slta.progress import Progress, ProgressFactory, no_progress
from slta.runs.confidence import Confidence
from slta.runs.pulling import named
from slta.runs.run import Run, load_run


def evaluate(
    source: Run | str | Path,
    split: str = "test",
    protocol: str = "ctrl",
    truth: str | Path | None = None,
    nms_iou: float | None = None,
    *,
    overwrite: bool = False,
    store: str | Path | None = None,
    progress: ProgressFactory | None = None,
) -> Evaluation:
    """Metrics of a run on a split, or of a prediction file from any program.

    A run's predictions are computed if they are missing, or with ``overwrite``.
    ``truth`` is the ground-truth file of a prediction file without one. ``protocol`` is
    one of those in docs/protocols.md; ``nms_iou`` replaces its NMS threshold.

    Raises ``InputError`` for a source that cannot be evaluated.
    """
    if protocol not in PROTOCOLS:
        advice = f"known are {', '.join(PROTOCOLS)}"
        raise InputError(unknown("protocol", protocol, PROTOCOLS, advice))
    path = source.folder if isinstance(source, Run) else Path(source)
    if path.is_file():
        truth_file = None if truth is None else Path(truth)
        return evaluate_file(path, truth_file, protocol, nms_iou)
    if truth is not None:
        raise InputError(
            f"the truth {truth} is for a prediction file, and {path} is a run, which has "
            "its own; leave --truth out"
        )
    if not path.exists() and named(path) is None:
        raise InputError(
            f"{path} does not exist; give the folder of a run, or a prediction file"
        )
    run = source if isinstance(source, Run) else load_run(path)
    place, shows = None if store is None else Path(store), progress or no_progress
    answers(run, split, place, shows, overwrite=overwrite)
    return Evaluation(measured(run, split, protocol, place, shows, nms_iou))


def answers(
    run: Run,
    name: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    *,
    overwrite: bool = False,
) -> Path:
    """The file of a run's predictions for a split, computed if it is missing."""
    path = run.predictions_file(name)
    if path.exists() and not overwrite:
        return path
    experiment = run.experiment
    model, about = run.load()
    about.check(open_library(experiment, store), run.weights)
    split = open_splits(experiment, (name,), store, shows)[name]
    for video_id, video in split.videos.items():
        about.check_sizes(video_id, video, run.weights)
    with shows(f"answering {name}") as progress:
        found = predict(
            model, split, experiment, confidence=run.confidence, progress=progress
        )
        write(path, found)
    return path


def measured(
    run: Run,
    name: str,
    protocol: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    nms_iou: float | None = None,
) -> dict[str, Any]:
    """``evaluated``, and written to the run's ``results.json``."""
    result = evaluated(run, name, protocol, store, shows, nms_iou)
    results = run.read("results") if (run.folder / "results.json").exists() else {}
    key = f"{name}, {protocol}" + ("" if nms_iou is None else f" at {nms_iou:g}")
    run.write("results", results | {key: result})
    return result


def evaluated(
    run: Run,
    name: str,
    protocol: str,
    store: Path | None = None,
    shows: ProgressFactory = no_progress,
    nms_iou: float | None = None,
) -> dict[str, Any]:
    """Metrics of a run's stored predictions, and of the non-parametric baselines."""
    experiment = run.experiment
    predictions = run.predictions(name)
    splits = open_splits(experiment, ("train", name), store, shows)
    _check_queries(run, name, predictions, splits[name].queries)
    rows = {experiment.model.name: predictions} | {
        kind: without_video(kind, splits["train"], splits[name], experiment.candidates)
        for kind in WITHOUT_VIDEO
    }
    return {"split": name, "step": run.step} | compared(rows, protocol, nms_iou)


def check_queries(run: Run, name: str) -> None:
    """Raises ``InputError`` unless a run's predictions answer the split's current
    queries."""
    queries = run.dataset.queries(name)
    _check_queries(run, name, run.predictions(name), queries)


def _check_queries(
    run: Run, name: str, predictions: Sequence[Prediction], queries: Sequence[Query]
) -> None:
    """Raises ``InputError`` unless the predictions answer exactly these queries, with the
    same ground truth."""
    now = Counter(
        (query.query_id, query.video_id, as_array(query.truth or ()).tobytes())
        for query in queries
    )
    then = Counter(
        (
            answer.query_id,
            answer.video_id,
            np.asarray(answer.truth, np.float64).tobytes(),
        )
        for answer in predictions
    )
    if now != then:
        raise InputError(
            f"{run.predictions_file(name)} does not match the current queries and ground "
            f"truth of {name}; recompute it with 'slta evaluate {run.folder} "
            f"--split {name} --overwrite'"
        )


QUERIES = 16
"""Queries of a video scored at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scored candidates of a query in a video, before ranking."""

    spans: Float[np.ndarray, "n 2"]
    relevance: Float[np.ndarray, " n"]
    offsets_s: Float[np.ndarray, "n 2"]
    region_weights: Float[np.ndarray, "t r"] | None = None
    """None without attention over regions."""
    word_weights: Float[np.ndarray, "n w"] | None = None
    """None without attention over words."""
    existence: float | None = None
    """Logit of whether the video shows what the query says; None from models that do not
    learn it."""

    @property
    def evidence(self) -> float:
        """By which confidence is calibrated: the logit, else the highest relevance."""
        if self.existence is not None:
            return self.existence
        return float(self.relevance.max())


def score(
    model: Model,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    """Scored candidates of a video for each query, after box voting."""
    scored = _score(model, features, duration_s, queries, candidates, rate_hz)
    if candidates.vote_iou is None:
        return scored
    return [_voted(row, candidates.vote_iou) for row in scored]


def _voted(scored: Scored, iou: float) -> Scored:
    spans = vote(scored.spans + scored.offsets_s, scored.relevance, iou=iou)
    return replace(scored, offsets_s=spans - scored.spans)


@singledispatch
def _score(
    model: Model,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    raise NotImplementedError(type(model).__name__)


@_score.register
def _(
    model: CandidateModel,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    spans = candidates.windows(duration_s)
    candidate_frames = candidates_of(
        features, spans, rate_hz=rate_hz, context_s=candidates.context_s
    )
    shot = shot_of(features, candidate_frames, regions=model.sees_regions)
    scored = []
    for some in _some(queries):
        with _asking(model) as device:
            scores = model(collate([shot], some).to(device))

        def of(values: Tensor, count: int = len(some)) -> Float[np.ndarray, "_ n *x"]:
            rows: Float[np.ndarray, "_ n *x"] = (
                values.unflatten(0, (count, -1)).cpu().numpy()
            )
            return rows

        relevance, offsets_s = of(scores.relevance), of(scores.offsets_s)
        regions, words = scores.region_weights, scores.word_weights
        scored += [
            Scored(
                spans,
                relevance[i],
                offsets_s[i],
                None if regions is None else of(regions)[i],
                None if words is None else of(words)[i][:, : len(query.words)],
            )
            for i, query in enumerate(some)
        ]
    return scored


@_score.register
def _(
    model: VideoModel,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
    candidates: CandidatesConfig,
    rate_hz: float,
) -> list[Scored]:
    windows = model.windows(len(features.frames))
    if len(windows) == 1:
        return _scored_whole(model, features, duration_s, queries)
    parts = [
        _scored_window(model, features, duration_s, window, queries)
        for window in windows
    ]
    return [_joined(rows) for rows in zip(*parts, strict=True)]


def _scored_window(
    model: VideoModel,
    features: VideoFeatures,
    duration_s: float,
    window: tuple[int, int],
    queries: Sequence[QueryFeatures],
) -> list[Scored]:
    """The answers of a window of frames, as if it were the video, in the video's time."""
    start, end = window
    start_s = float(features.times_s[start]) if start else 0.0
    end_s = float(features.times_s[end]) if end < len(features.frames) else duration_s
    part = features.part(start, end)
    part = replace(part, times_s=part.times_s - start_s)
    rows = _scored_whole(model, part, end_s - start_s, queries)
    return [replace(row, spans=row.spans + start_s) for row in rows]


def _joined(rows: Sequence[Scored]) -> Scored:
    """The answers of all windows to a query."""
    sure = [row.existence for row in rows if row.existence is not None]
    return Scored(
        np.concatenate([row.spans for row in rows]),
        np.concatenate([row.relevance for row in rows]),
        np.concatenate([row.offsets_s for row in rows]),
        existence=max(sure, default=None),
    )


def _scored_whole(
    model: VideoModel,
    features: VideoFeatures,
    duration_s: float,
    queries: Sequence[QueryFeatures],
) -> list[Scored]:
    clips = ClipFeatures.of(
        features, duration_s, model.clips, regions=model.sees_regions
    )
    scored = []
    for some in _some(queries):
        with _asking(model) as device:
            batch = videos([clips], [0] * len(some), some)
            answers = model(batch.to(device))
        spans = answers.spans_s.cpu().numpy().astype(np.float64)
        relevance = answers.relevance.cpu().numpy()
        there = relevance != -np.inf
        existence: list[float] | None = None
        if answers.existence is not None:
            existence = answers.existence.tolist()
        scored += [
            Scored(
                spans[i][there[i]],
                relevance[i][there[i]],
                np.zeros((there[i].sum(), 2)),
                existence=None if existence is None else existence[i],
            )
            for i in range(len(some))
        ]
    return scored


def _some(queries: Sequence[QueryFeatures]) -> Iterator[Sequence[QueryFeatures]]:
    for start in range(0, len(queries), QUERIES):
        yield queries[start : start + QUERIES]


@contextmanager
def _asking(model: Model) -> Iterator[torch.device]:
    """Evaluation mode without gradients, in full precision as in search."""
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    try:
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            yield device
    finally:
        model.train(was_training)


def predict(
    model: Model,
    split: Split,
    experiment: Experiment,
    *,
    videos: Sequence[str] | None = None,
    confidence: Confidence | None = None,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Predictions in the order of the split's queries, optionally of some videos only.
    ``confidence`` is the run's; without it, models that learn existence give their own."""
    predictions: dict[int, Prediction] = {}
    for number, row in scores(model, split, experiment, videos, progress):
        query, spans = split.queries[number], row.spans + row.offsets_s
        duration_s = split.infos[query.video_id].duration_s
        facts = split.facts.get(query.query_id, Facts())
        existence = None
        if confidence is not None or row.existence is not None:
            existence = float((confidence or logistic)(row.evidence))
        predictions[number] = Prediction.of(
            query,
            duration_s,
            spans,
            row.relevance,
            chunks=facts.chunks,
            existence=existence,
            **_highlights(facts, duration_s, spans, row.relevance),
        )
    return [predictions[number] for number in sorted(predictions)]


def scores(
    model: Model,
    split: Split,
    experiment: Experiment,
    videos: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[int, Scored]]:
    """The scored candidates of each query, by its number, video by video."""
    selected = (
        split.by_video if videos is None else {v: split.by_video[v] for v in videos}
    )
    for done, (video_id, numbers) in enumerate(selected.items(), start=1):
        scored = score(
            model,
            split.videos[video_id],
            split.infos[video_id].duration_s,
            [split.query_features[number] for number in numbers],
            experiment.candidates,
            experiment.features.rate_hz,
        )
        yield from zip(numbers, scored, strict=True)
        if progress:
            progress(done, len(selected))


def _highlights(
    facts: Facts,
    duration_s: float,
    spans: Float[np.ndarray, "n 2"],
    relevance: Float[np.ndarray, " n"],
) -> dict[str, Float[np.ndarray, "..."]]:
    """For queries with saliency annotations: these, and as predicted saliency the relevance
    of the best candidate over each clip."""
    if facts.clips is None or facts.saliency is None:
        return {}
    # The video may be slightly shorter than annotated.
    annotated_s = CLIP_S * (facts.clips.max(initial=-1) + 1)
    annotated = facts.saliency.astype(np.float64)
    true = spread(facts.clips, annotated, max(duration_s, float(annotated_s)))
    times_s = CLIP_S * (np.arange(len(true)) + 0.5)
    least = float(relevance.min(initial=0.0))
    saliency = coverage(times_s, spans, relevance - least) + least
    return {"saliency": saliency, "true_saliency": true}
