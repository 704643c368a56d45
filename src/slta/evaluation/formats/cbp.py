"""CBP's predictions and ground truth (Wang et al., AAAI 2020).

    {"results": {"s30-d26-128": [{"timestamp": [234.5, 239.5], "score": 0.98}, …], …}}

    {"s30-d26": {"timestamps": [[7.9, 16.4], …], "sentences": ["He took out …", …]}, …}

A query's id is VIDEO-NUMBER. ActivityNet Captions has the second form as well, with a
``duration`` for each video.
"""

import numpy as np

from slta.evaluation.formats.base import Answered, Content, Truth, has, reading
from slta.evaluation.predictions import Prediction, as_spans
from slta.fields import (
    FieldError,
    check_spans,
    number,
    positive,
    required,
    sentences,
    shown,
)

NOTHING = np.zeros((0, 2))


def is_predictions(first: object) -> bool:
    return isinstance(first, dict) and isinstance(first.get("results"), dict)


def predictions(content: Content) -> list[Answered]:
    entries = []
    for query_id, answers in content.whole()["results"].items():
        where = f"{content.path}, {query_id}"
        with reading(where):
            if not isinstance(answers, list):
                raise FieldError(
                    f"is {shown(answers)}, which is not a list", "correct it"
                )
            times = [required(answer, "timestamp") for answer in answers]
            spans = as_spans(times, "timestamp")
            scores = [number(answer, "score") for answer in answers]
            prediction = Prediction(
                query_id=query_id,
                video_id="",
                query="",
                duration_s=None,
                truth=NOTHING,
                spans=spans,
                scores=np.array(scores, np.float64),
                final=True,
            )
        entries.append(Answered(where, prediction, has_truth=False))
    return entries


def is_truths(first: object) -> bool:
    return isinstance(first, dict) and has(
        next(iter(first.values()), None), "timestamps", "sentences"
    )


def truths(content: Content) -> list[Truth]:
    entries = []
    for video_id, video in content.whole().items():
        where = f"{content.path}, {video_id}"
        with reading(where):
            captions, has_length = sentences(video), video.get("duration") is not None
            length = positive(video, "duration") if has_length else None
            check_spans("timestamps", [span for span, _ in captions], length)
            entries += [
                Truth(
                    f"{where}-{i}",
                    f"{video_id}-{i}",
                    video_id,
                    sentence,
                    np.array([span], np.float64),
                    length,
                )
                for i, (span, sentence) in enumerate(captions)
            ]
    return entries
