"""Configuration of an experiment, and the names that earlier versions gave its fields."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, get_type_hints, runtime_checkable

import numpy as np
from annotated_types import Ge, Gt, Interval
from jaxtyping import Float
from pydantic import TypeAdapter, ValidationError

from slta.batches.sampling import Rule
from slta.datasets.shapes import ShapesConfig
from slta.errors import InputError
from slta.extensions import unknown
from slta.fields import check_ranges
from slta.models.slta import SLTAConfig
from slta.moments.candidates import didemo, windows

DETR_FIELDS = {"most_clips": "max_clips", "slots": "moment_queries"}
FIELDS = {"moment_detr": DETR_FIELDS, "qd_detr": DETR_FIELDS}
"""Fields of a model's configuration, by model."""
EARLIER = frozenset({"from_ends.weight", "model.from_ends.weight"})
"""Names of weights that Moment-DETR and QD-DETR had before their networks were the
authors'."""


def with_new_fields(model: str, values: dict[str, Any]) -> dict[str, Any]:
    """An experiment as JSON, with today's names of fields and features."""
    new = dict(values)
    if isinstance(part := values.get("model"), Mapping):
        names = FIELDS.get(model, {})
        new["model"] = {names.get(name, name): value for name, value in part.items()}
    if isinstance(part := values.get("features"), Mapping):
        new["features"] = {**part}
        if isinstance(extractor := part.get("extractor"), str):
            name = re.sub(r"^ready(?=$|[:,])", "preextracted", extractor)
            new["features"]["extractor"] = name
    return new


def check_network(weights: Mapping[str, Any], file: Path) -> None:
    """Raises ``InputError`` for the weights of an earlier network of a model."""
    if EARLIER & weights.keys():
        raise InputError(
            f"{file} is of the model's network in an earlier version, which this one does "
            "not have; use the version that trained it, or train again"
        )


def with_new_extractor(name: str) -> str:
    """An extractor's id with today's name: pre-extracted features were called ready."""
    return re.sub(r"^ready-", "preextracted-", name)


AUTOMATIC = "auto"
"""Selects the extractor by the content of the data set's folder."""
Share = Annotated[float, Interval(ge=0, le=1)]


@runtime_checkable
class Named(Protocol):
    """The configuration of a model or of a data set."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig:
    extractor: str = "cells"
    """Extractor of the features (cells, imagenet-words, clip, siglip, c3d:FILE,
    detr:NAME, detr-boxes:NAME, or two of them as FRAMES+REGIONS); or pre-extracted
    features (ready, ready:DIR, …); or auto: pre-extracted features if they are in the data
    set's folder and videos are not, else cells. See docs/features.md."""
    words: str = ""
    """Word vectors, if not the extractor's: glove:FILE.txt or
    glove:VECTORS.npy,WORDS.json."""
    rate_hz: Annotated[float, Gt(0)] = 3.0
    """Frames per second."""
    centred: bool = False
    """Subtract each video's mean frame feature: it does not tell when something happens,
    and invites memorising."""

    def __post_init__(self) -> None:
        check_ranges(self, "features")


@dataclass(frozen=True, kw_only=True)
class CandidatesConfig:
    lengths_s: tuple[Annotated[float, Gt(0)], ...] = (16 / 3, 32 / 3, 16.0, 64 / 3)
    """Lengths of the sliding windows in training, in seconds."""
    test_lengths_s: tuple[Annotated[float, Gt(0)], ...] = ()
    """Lengths of the windows in evaluation and search; as in training if not given."""
    # More overlap makes so many windows of a few minutes that they fill the memory.
    overlap: Annotated[float, Interval(ge=0, le=0.999)] = 0.8
    """Share of a window that the next one repeats, in [0, 0.999]."""
    context_s: Annotated[float, Gt(0)] = 128 / 3
    """Length of the context before and after a window, in seconds."""
    chunks: bool = False
    """Use DiDeMo's candidates, every run of whole chunks of 5 s, instead of windows."""
    vote_iou: Annotated[float, Interval(gt=0, le=1)] | None = None
    """Minimum IoU of candidates that vote on each other's boundaries, in (0, 1]; None
    disables voting, as in the paper."""

    def __post_init__(self) -> None:
        if not self.lengths_s:
            raise ValueError("candidates.lengths_s needs at least one length, got none")
        check_ranges(self, "candidates")

    def windows(self, duration_s: float) -> Float[np.ndarray, "n 2"]:
        """The candidates of a video in evaluation and in search."""
        return self._of(duration_s, self.test_lengths_s or self.lengths_s)

    def training_windows(self, duration_s: float) -> Float[np.ndarray, "n 2"]:
        """The candidates of a video in training."""
        return self._of(duration_s, self.lengths_s)

    def _of(
        self, duration_s: float, lengths_s: tuple[float, ...]
    ) -> Float[np.ndarray, "n 2"]:
        if self.chunks:
            return didemo(duration_s)
        return windows(duration_s, lengths_s=lengths_s, overlap=self.overlap)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    steps: Annotated[int, Ge(1)] = 50_000
    """Training steps."""
    evaluate_every: Annotated[int, Ge(1)] = 2_500
    """Steps between evaluations on val; a resumed run continues from the last one."""
    queries: Annotated[int, Ge(1)] = 30
    """Queries per batch, each with one matching candidate."""
    queries_per_video: Annotated[int, Ge(0)] = 1
    """Maximum queries of one video in a batch; 0 draws from all queries uniformly."""
    negatives: Annotated[int, Ge(0)] | None = None
    """Negatives per query from other videos of the batch; None for all."""
    background: Annotated[int, Ge(0)] = 0
    """Negatives per query from its own video."""
    absent: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """Share of a batch's queries that are asked of another video, whose queries have no
    content word in common with them, and so have no moment, in [0, 1); for models of whole
    videos, on data without annotated queries of this kind."""
    near: Share = 0.25
    """Share of these that overlap the ground truth, in [0, 1]."""
    match_iou: Annotated[float, Interval(gt=0, lt=1)] = 0.5
    """A candidate matches a query above this IoU with its ground truth, in (0, 1)."""
    match_outside: Annotated[float, Interval(gt=0, le=1)] = 0.15
    """A candidate does not match if at least this share of it is outside the ground truth,
    in (0, 1]."""
    other_iou: Annotated[float, Interval(gt=0, lt=1)] = 0.3
    """Below this IoU a candidate is a negative; between it and match_iou it is unused. In
    (0, 1)."""
    clip_dropout: Share = 0.0
    """Share of a batch's queries without clips in the fusion, so that attended regions and
    the sentence must suffice, in [0, 1]."""
    noun_dropout: Share = 0.0
    """Share of nouns dropped from a batch's sentence vectors, so that the spatial attention
    must find them, in [0, 1]."""
    still_steps: Annotated[int, Ge(0)] = 0
    """Single-frame warm-up steps: candidates are single frames of different videos, to learn
    objects before events."""
    still_queries: Annotated[int, Ge(1)] = 64
    """Queries per batch in the single-frame warm-up."""
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    """Peak AdamW learning rate (linear warm-up, cosine decay to 0)."""
    warmup: Annotated[float, Interval(ge=0, lt=1)] = 0.02
    """Share of the steps with linear warm-up of the learning rate, in [0, 1)."""
    weight_decay: Annotated[float, Ge(0)] = 0.0
    """AdamW weight decay."""
    averaging: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """Share of the averaged weights that a step keeps, in [0, 1); they are evaluated and
    saved instead of the last ones. 0 disables averaging."""
    clip_norm: Annotated[float, Ge(0)] = 1.0
    """Maximum gradient norm; 0 disables clipping."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Training precision; the mixed ones are for a GPU."""
    processes: Annotated[int, Ge(1)] = 1
    """Processes that train together (DDP), each with its own batches."""
    threads: Annotated[int, Ge(0)] = 0
    """CPU threads of each process; 0 for all cores, shared by the processes. The number
    affects the last digits of the weights."""
    seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0
    """Random seed."""

    def __post_init__(self) -> None:
        check_ranges(self, "training")
        if self.other_iou > self.match_iou:
            raise ValueError(
                "training.other_iou must be at most training.match_iou, "
                f"got {self.other_iou} and {self.match_iou}"
            )

    @property
    def rule(self) -> Rule:
        """Which candidates match a query in training."""
        return Rule(
            match_iou=self.match_iou,
            match_outside=self.match_outside,
            other_iou=self.other_iou,
        )


@dataclass(frozen=True, kw_only=True)
class Experiment:
    dataset: Named = field(default_factory=ShapesConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    candidates: CandidatesConfig = field(default_factory=CandidatesConfig)
    model: Named = field(default_factory=SLTAConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def to_json(self) -> dict[str, Any]:
        parts: dict[str, Any] = asdict(self)
        for part in ("dataset", "model"):
            parts[part] = {"name": getattr(self, part).name, **parts[part]}
        return parts


def changed(config: Any, values: Any, where: str = "") -> Any:
    """A configuration with other values, from JSON.

    Raises ``InputError`` for an unknown field and for an invalid value.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{where.rstrip('.') or 'it'} must be an object of its fields")
    hints = get_type_hints(type(config))
    known = {each.name: getattr(config, each.name) for each in fields(config)}
    new = {}
    for name, value in values.items():
        if name == "name" and getattr(config, "name", value) == value:
            continue
        if name not in known:
            remedy = f"known are {', '.join(map(where.__add__, known))}"
            names = [*map(where.__add__, known)]
            raise InputError(unknown("field", where + name, names, remedy))
        if is_dataclass(known[name]):
            new[name] = changed(known[name], value, f"{where}{name}.")
        else:
            new[name] = _value(hints[name], value, where + name)
    try:
        return replace(config, **new)
    except ValueError as error:
        raise InputError(str(error)) from error


def _value(kind: Any, value: Any, where: str) -> Any:
    try:
        text = json.dumps(value)
        return TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        message = error.errors()[0]["msg"]
        problem = message[:1].lower() + message[1:]
        raise InputError(f"{where} is {json.dumps(value)}: {problem}") from error
