"""An answer to a search that no model gave, and whether two answers are equal."""

from dataclasses import fields

import numpy as np

from slta.moments import Moment, Span, VideoInfo
from slta.search.answers import Answer, Terms


def equal(one: Answer, other: Answer) -> bool:
    """Whether two answers are the same to the last bit."""
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        if isinstance(getattr(one, field.name), np.ndarray)
        else getattr(one, field.name) == getattr(other, field.name)
        for field in fields(Answer)
    )


def answer(
    confidence: float = 0.9,
    *,
    line: float = 0.65,
    scores: tuple[float, ...] = (0.7, 0.3),
    query: str = "a red car",
    video_id: str = "drive",
    alike: bool = False,
) -> Answer:
    """With a moment a second; of a model whose scores are confidences, if ``alike``."""
    n = len(scores)
    return Answer(
        query=query,
        video=VideoInfo(video_id, float(n), 64, 48),
        confidence=confidence,
        clear_from=line,
        moments=tuple(
            Moment(video_id, Span(float(i), i + 1.0), score)
            for i, score in enumerate(scores)
        ),
        parts=(query,),
        part_weights=np.ones(1),
        times_s=np.arange(n, dtype=np.float64),
        relevance=np.ones(n),
        line=0.5,
        boxes=np.tile([0.0, 0.0, 1.0, 1.0], (n, 1, 1)),
        region_weights=np.ones((n, 1)),
        terms=Terms("phrase", "shares", "the line", scores_are_confidences=alike),
    )
