"""Search with a trained model: its candidates, ranked as in evaluation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from slta.errors import InputError
from slta.experiments.opening import durations_of, root_of
from slta.features import provider
from slta.features.base import QueryFeatures, VideoFeatures
from slta.features.provider import Provider
from slta.features.store import Record, Store
from slta.models.base import logistic
from slta.moments import ranking
from slta.moments.spans import clamp, coverage
from slta.runs.inference import Scored, score
from slta.runs.run import Run
from slta.search.answers import Answer, Indexed, Terms, not_finite

Certainty = Callable[[Float[np.ndarray, "*n"] | float], Float[np.ndarray, "*n"]]
CLEAR = 0.5
"""Confidence at which a match and no match are equally likely."""
TERMS = Terms(
    part="word",
    relevance="of the best window",
    line="at or above it a match is clear",
    scores_are_confidences=True,
)


class Trained:
    """Search with the model of a run.

    Confidence and scores are the run's calibrated confidence of the relevance, or in runs
    without it ``Model.confidence``. Where the model tells whether there is a moment, that is
    the confidence, and the other moments' scores are in proportion to the best one's.
    """

    def __init__(self, run: Run, store: Store) -> None:
        """Raises ``InputError`` for a damaged run, and for another extractor or other word
        vectors than in training."""
        self._run = run
        experiment = run.experiment
        self._model, self._about = run.load()
        self._calibrated = run.confidence
        self._candidates = experiment.candidates
        features = experiment.features
        self.library: Provider = provider(
            features.extractor,
            store,
            features.rate_hz,
            centred=features.centred,
            words_name=features.words,
            root=root_of(experiment),
            durations=durations_of(experiment),
        )
        self._about.check(self.library, self._run.weights)

    def prepare(self, record: Record, features: VideoFeatures) -> None:
        """Nothing: the model's computation depends on the query."""

    def answer(
        self, indexed: Indexed[None], query: QueryFeatures, *, top: int
    ) -> Answer:
        info, features = indexed.info, indexed.features
        self._about.check_sizes(info.video_id, features, self._run.weights)
        (scored,) = score(
            self._model,
            features,
            info.duration_s,
            [query],
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
        confidence = self._confidence(scored, float(relevance[best]))
        return Answer(
            query=query.query,
            video=info,
            confidence=float(confidence(float(relevance[best]))),
            clear_from=CLEAR,
            moments=tuple(
                replace(moment, score=float(confidence(moment.score)))
                for moment in moments
            ),
            parts=query.words,
            part_weights=_or_uniform(scored.word_weights, best, len(query.words)),
            times_s=times_s,
            relevance=coverage(times_s, spans, confidence(relevance)),
            line=CLEAR,
            boxes=features.boxes,
            region_weights=_for_all(scored.region_weights, features.boxes.shape[:2]),
            terms=TERMS,
        )

    def _confidence(self, scored: Scored, best: float) -> Certainty:
        """Confidence by relevance; that of the ``best`` is the query's."""
        usual = self._model.confidence
        if scored.existence is None:
            return self._calibrated or usual
        exists = float((self._calibrated or logistic)(scored.existence))
        most = max(float(usual(best)), np.finfo(float).tiny)
        return lambda relevance: exists * np.minimum(usual(relevance) / most, 1.0)

    def _check(self, scored: Scored, indexed: Indexed[None]) -> None:
        weights = scored.region_weights
        values = [scored.relevance, scored.spans, scored.offsets_s]
        values += [] if weights is None else [weights]
        values += [] if scored.existence is None else [np.array(scored.existence)]
        if all(np.isfinite(rows).all() for rows in values):
            return
        features = indexed.features.frames, indexed.features.regions
        if not all(np.isfinite(rows).all() for rows in features):
            raise not_finite(indexed.folder)
        raise InputError(
            f"the weights {self._run.weights} give values that are not finite; copy them "
            "again, or train again"
        )


def _real(spans: Float[np.ndarray, "n 2"], duration_s: float) -> Bool[np.ndarray, " n"]:
    """True for spans that overlap the video."""
    start, end = clamp(spans, duration_s).T
    return start < end


def _or_uniform(
    weights: Float[np.ndarray, "n w"] | None, best: int, count: int
) -> Float[np.ndarray, " w"]:
    """Word weights of the best candidate; uniform without attention over words."""
    if weights is None:
        return np.full(count, 1 / count)
    return np.asarray(weights[best], np.float64)


def _for_all(
    weights: Float[np.ndarray, "_ r"] | None, shape: tuple[int, ...]
) -> Float[np.ndarray, "t r"]:
    """Region weights of all frames; uniform in frames without a candidate, and without
    attention over regions."""
    full = np.full(shape, 1 / shape[1])
    if weights is not None:
        full[: len(weights)] = weights
    return full
