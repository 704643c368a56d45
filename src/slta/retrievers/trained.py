"""Answers of a trained model: its candidates, ranked as in evaluation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from slta import ranking
from slta.answers import Answer, Terms
from slta.checkpoints import Run
from slta.errors import InputError
from slta.features import provider
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.provider import Provider
from slta.features.store import Record, Store
from slta.preparation import durations_of, root_of
from slta.retrievers import Indexed, not_numbers
from slta.scoring import Scored, score
from slta.spans import clamp

CLEAR = 0.5
"""Where the model holds a match and none for equally likely."""
TERMS = Terms(
    part="word",
    relevance="of the best window",
    line="at or above it a match is clear",
)


class Trained:
    """Confidence and scores are logistic(relevance), which training pushes towards 1
    for candidates that match their query and towards 0 for others."""

    def __init__(
        self,
        checkpoint: Path,
        extractor_name: str | None,
        words_name: str | None,
        store: Store,
    ) -> None:
        """Raises ``InputError`` for what is no run, is damaged, or was trained with
        another extractor or other words than those asked for."""
        self._run = Run.open(checkpoint)
        experiment = self._run.experiment
        self._model, self._about = self._run.load()
        self._candidates = experiment.candidates
        own = experiment.features
        self.library: Provider = provider(
            own.extractor if extractor_name is None else extractor_name,
            store,
            own.rate_hz,
            centred=own.centred,
            words_name=own.words if words_name is None else words_name,
            root=root_of(experiment),
            durations=durations_of(experiment),
        )
        self._about.check(self.library, self._run.weights)

    def prepare(self, record: Record, features: VideoFeatures) -> None:
        """Nothing: the model is asked with the query."""

    def answer(
        self, indexed: Indexed[None], asked: QueryFeatures, *, top: int
    ) -> Answer:
        info, features = indexed.info, indexed.features
        self._about.check_sizes(info.video_id, features, self._run.weights)
        (scored,) = score(
            self._model,
            features,
            info.duration_s,
            [asked],
            self._candidates,
            self.library.rate_hz,
        )
        self._check(scored, indexed)
        relevance = np.asarray(scored.relevance, np.float64)
        spans = np.asarray(scored.spans + scored.offsets_s, np.float64)
        if not _real(spans, info.duration_s).any():
            spans = scored.spans  # better than no answer
        moments = ranking.rank(
            info.video_id, spans, relevance, duration_s=info.duration_s, top=top
        )
        real = _real(spans, info.duration_s)
        best = int(np.where(real, relevance, -np.inf).argmax())
        times_s = np.asarray(features.times_s, np.float64)
        return Answer(
            query=asked.query,
            video=info,
            confidence=float(logistic(relevance[best])),
            clear_from=CLEAR,
            moments=tuple(
                replace(moment, score=float(logistic(moment.score)))
                for moment in moments
            ),
            parts=asked.words,
            part_weights=np.asarray(scored.word_weights[best], np.float64),
            times_s=times_s,
            relevance=coverage(times_s, spans, logistic(relevance)),
            line=CLEAR,
            boxes=features.boxes,
            region_weights=_for_all(scored.region_weights, len(times_s)),
            terms=TERMS,
        )

    def _check(self, scored: Scored, indexed: Indexed[None]) -> None:
        values = scored.relevance, scored.offsets_s, scored.region_weights
        if all(np.isfinite(each).all() for each in values):
            return
        given = indexed.features.frames, indexed.features.regions
        if not all(np.isfinite(each).all() for each in given):
            raise not_numbers(indexed.folder)
        raise InputError(
            f"the weights {self._run.weights} give values that are not numbers; "
            "copy them again, or train again"
        )


def logistic(
    relevance: Float[np.ndarray, "*n"] | float,
) -> Float[np.ndarray, "*n"]:
    """Rises from 0 to 1, with 0.5 for a relevance of 0; any size will do."""
    return np.asarray(0.5 + 0.5 * np.tanh(np.asarray(relevance, np.float64) / 2))


def coverage(
    times_s: Float[np.ndarray, " t"],
    spans: Float[np.ndarray, "n 2"],
    values: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " t"]:
    """For each time the greatest value of the spans that cover it; 0 for no span.

    >>> spans = np.array([[0.0, 2.0], [1.0, 3.0]])
    >>> coverage(np.arange(4.0), spans, np.array([0.2, 0.7]))
    array([0.2, 0.7, 0.7, 0. ])
    """
    covered = np.zeros(len(times_s))
    first, end = np.searchsorted(times_s, spans.T)
    for i in np.argsort(values, kind="stable"):
        covered[first[i] : end[i]] = values[i]
    return covered


def _real(spans: Float[np.ndarray, "n 2"], duration_s: float) -> Bool[np.ndarray, " n"]:
    """True where something of the span is in the video."""
    start, end = clamp(spans, duration_s).T
    return start < end


def _for_all(
    weights: Float[np.ndarray, "_ r"], frames: int
) -> Float[np.ndarray, "t r"]:
    """Regions count alike in frames that no candidate covers."""
    full = np.full((frames, weights.shape[1]), 1 / weights.shape[1])
    full[: len(weights)] = weights
    return full
