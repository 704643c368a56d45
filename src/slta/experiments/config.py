"""Everything that an experiment can vary, frozen once a run starts."""

from dataclasses import dataclass, field
from math import inf
from typing import Literal

import numpy as np
from jaxtyping import Float

from slta.batches.pairs import Rule
from slta.datasets.activitynet_captions import ActivityNetCaptionsConfig
from slta.datasets.charades_sta import CharadesSTAConfig
from slta.datasets.didemo import DiDeMoConfig
from slta.datasets.own import OwnConfig
from slta.datasets.qvhighlights import QVHighlightsConfig
from slta.datasets.shapes import ShapesConfig
from slta.datasets.slta_release import SLTACharadesConfig, SLTATacosConfig
from slta.datasets.tacos import Tacos2DTANConfig, TacosTallConfig
from slta.models.acrn import ACRNConfig
from slta.models.blind import MomentPriorConfig, QueryOnlyConfig, VideoOnlyConfig
from slta.models.ctrl import CTRLConfig
from slta.models.mcn import MCNConfig
from slta.models.moment_detr import MomentDETRConfig
from slta.models.qd_detr import QDDETRConfig
from slta.models.released import ReleasedConfig
from slta.models.role import ROLEConfig
from slta.models.slta import SLTAConfig
from slta.models.tan2d import Tan2DConfig
from slta.models.vsa import VSARNNConfig, VSASTVConfig
from slta.moments.candidates import didemo, windows

SEEDS = 2**32
"""How many there are."""
MOST_OVERLAP = 0.999
"""More makes so many windows of a few minutes that they fill the memory."""
AUTOMATIC = "auto"
"""Names no extractor: what lies in the data set's folder decides."""

DatasetConfig = (
    ShapesConfig
    | OwnConfig
    | CharadesSTAConfig
    | TacosTallConfig
    | Tacos2DTANConfig
    | DiDeMoConfig
    | QVHighlightsConfig
    | ActivityNetCaptionsConfig
    | SLTACharadesConfig
    | SLTATacosConfig
)


ModelConfig = (
    SLTAConfig
    | ReleasedConfig
    | CTRLConfig
    | ROLEConfig
    | ACRNConfig
    | MCNConfig
    | VSARNNConfig
    | VSASTVConfig
    | MomentPriorConfig
    | QueryOnlyConfig
    | VideoOnlyConfig
    | Tan2DConfig
    | MomentDETRConfig
    | QDDETRConfig
)


def _positive(flag: str, *values: float) -> None:
    for value in values:
        if not 0 < value < inf:
            raise ValueError(f"{flag} must be above 0, got {value}")


@dataclass(frozen=True, kw_only=True)
class FeaturesConfig:
    extractor: str = "cells"
    """What makes the features: cells, imagenet-words, clip:NAME or clip:FOLDER, c3d:FILE,
    detr:FOLDER, detr-boxes:FOLDER, or two of them as FRAMES+REGIONS; or ready features:
    ready, ready:DIR; or auto: ready ones if they lie where no videos do, else cells.
    docs/features.md has them all."""
    words: str = ""
    """What makes the vectors of words, if not the extractor: glove:FILE.txt or
    glove:VECTORS.npy,WORDS.json."""
    rate_hz: float = 3.0
    """Frames a second that are looked at."""
    centred: bool = False
    """Whether what a video's frames always show, their mean, is taken away: it tells
    nothing of when, and can be learnt by heart."""

    def __post_init__(self) -> None:
        _positive("features.rate_hz", self.rate_hz)


@dataclass(frozen=True, kw_only=True)
class CandidatesConfig:
    lengths_s: tuple[float, ...] = (16 / 3, 32 / 3, 16.0, 64 / 3)
    """Lengths of the sliding windows in training."""
    test_lengths_s: tuple[float, ...] = ()
    """Lengths of the windows in evaluation and search; as in training if not given."""
    overlap: float = 0.8
    """Share of a window that the next one repeats, in [0, 0.999]."""
    context_s: float = 128 / 3
    """Length of the clips before and after a window."""
    chunks: bool = False
    """Whether candidates are DiDeMo's moments, every run of whole chunks of 5 s, instead
    of windows."""
    vote_iou: float | None = None
    """IoU from which answers to a query vote on one another's ends, in (0, 1]; None for
    no votes, as in the paper."""

    def __post_init__(self) -> None:
        if not self.lengths_s:
            raise ValueError("candidates.lengths_s needs at least one length, got none")
        _positive("candidates.lengths_s", *self.lengths_s)
        _positive("candidates.test_lengths_s", *self.test_lengths_s)
        _positive("candidates.context_s", self.context_s)
        if not 0 <= self.overlap <= MOST_OVERLAP:
            raise ValueError(
                f"candidates.overlap must be in [0, {MOST_OVERLAP}], got {self.overlap}"
            )
        if self.vote_iou is not None and not 0 < self.vote_iou <= 1:
            raise ValueError(
                f"candidates.vote_iou must be in (0, 1], or None for no votes, "
                f"got {self.vote_iou}"
            )

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
    steps: int = 50_000
    """Batches in all."""
    evaluate_every: int = 2_500
    """Batches between two evaluations on val; a resumed run goes on from the last."""
    queries: int = 30
    """Queries a batch, each with one candidate that matches it."""
    queries_per_video: int = 1
    """Queries a batch that are drawn from one video, at most; 0 draws from the queries of
    all videos alike."""
    negatives: int | None = None
    """Candidates of other videos that a query is compared with; None for all."""
    background: int = 0
    """Further candidates a query, drawn from its video, that match nothing or little."""
    near: float = 0.25
    """Share of these that is drawn among what shares time with the truth, in [0, 1]."""
    match_iou: float = 0.5
    """A candidate matches a query above this IoU with its truth, in (0, 1)."""
    match_outside: float = 0.15
    """A candidate with this share of it outside the truth, or more, matches nothing, in
    (0, 1]."""
    other_iou: float = 0.3
    """Below this IoU a candidate is no answer, and may be used against the query; one
    between is neither. In (0, 1)."""
    clip_dropout: float = 0.0
    """Share of the queries of a batch whose clips only weigh the words: they are answered
    by the object and the sentence alone, in [0, 1]."""
    noun_dropout: float = 0.0
    """Share of the words that name, nouns and, where the extractor counts them so, their
    adjectives, that are left out of a batch's sentences: the spatial attention alone must
    find what they name. In [0, 1]."""
    still_steps: int = 0
    """Batches at first in which a candidate is one frame of its window, of a video of its
    own: what a query names is learnt before what happens to it."""
    still_queries: int = 64
    """Queries of such a batch."""
    learning_rate: float = 1e-3
    """Of Adam, at its highest; it falls to 0 as a cosine."""
    warmup: float = 0.02
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = 0.0
    """Share of the weights that is lost in a step, times the learning rate."""
    clip_norm: float = 1.0
    """Longest gradient; 0 for any."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Numbers to compute with; the mixed ones are for a GPU."""
    processes: int = 1
    """Processes that train together, each with its own batches."""
    threads: int = 0
    """CPU threads of each process; 0 for one a core, shared by the processes. Another
    number rounds sums otherwise, so weights differ in their last digits."""
    seed: int = 0
    """Of the first weights, the batches and what is left out; another one trains anew."""

    def __post_init__(self) -> None:
        for name in ("steps", "evaluate_every", "queries", "still_queries"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"training.{name} must be at least 1, got {value}")
        for name in (
            *("queries_per_video", "background", "still_steps", "threads"),
            *("clip_norm", "weight_decay"),
        ):
            if not 0 <= (value := getattr(self, name)) < inf:
                raise ValueError(f"training.{name} must be at least 0, got {value}")
        if not 0 <= self.seed < SEEDS:
            raise ValueError(
                f"training.seed must be at least 0 and below {SEEDS}, got {self.seed}"
            )
        if self.negatives is not None and self.negatives < 0:
            raise ValueError(
                f"training.negatives must be at least 0, or None for all, "
                f"got {self.negatives}"
            )
        if self.processes < 1:
            raise ValueError(
                f"training.processes must be at least 1, got {self.processes}"
            )
        _positive("training.learning_rate", self.learning_rate)
        for name in ("clip_dropout", "noun_dropout", "near"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise ValueError(f"training.{name} must be in [0, 1], got {share}")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"training.warmup must be in [0, 1), got {self.warmup}")
        if not 0 < self.match_outside <= 1:
            raise ValueError(
                f"training.match_outside must be in (0, 1], got {self.match_outside}"
            )
        if not 0 < self.other_iou <= self.match_iou < 1:
            raise ValueError(
                "training.other_iou must be above 0 and at most training.match_iou, "
                f"which must be below 1; got {self.other_iou} and {self.match_iou}"
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
    dataset: DatasetConfig = field(default_factory=ShapesConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    candidates: CandidatesConfig = field(default_factory=CandidatesConfig)
    model: ModelConfig = field(default_factory=SLTAConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
