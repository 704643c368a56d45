"""A trained model in an index: it searches the windows that the first stage proposes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from slta.errors import InputError, UnwritableError
from slta.index.adding import Bar
from slta.index.querying import A_WINDOW, Located
from slta.index.records import Video, WindowPlace
from slta.moments import Span
from slta.search import Searcher
from slta.search.trained import CLEAR
from slta.search.zero_shot import RATE_HZ


class TrainedModel:
    """The model of a run, with the features that it needs of the videos."""

    clear_from = CLEAR

    def __init__(self, searcher: Searcher) -> None:
        """``searcher`` is one with a checkpoint."""
        self.searcher = searcher

    def extract(self, paths: Sequence[Path], bar: Bar | None = None) -> dict[Path, str]:
        """Makes the features of the videos that the store does not have; returns the files
        for which that failed, and why."""
        library = self.searcher.library
        problems = dict[Path, str]()
        missing = list[Path]()
        for path in paths:
            try:
                if not library.has(path):
                    missing.append(path)
            except InputError as error:
                problems[path] = str(error)
        done = 0.0
        for number, path in enumerate(missing):

            def told(
                done_s: float,
                total_s: float,
                done: float = done,
                left: int = len(missing) - number,
                name: str = path.name,
            ) -> None:
                # Lengths of the rest are not known; each counts like this one.
                if bar is not None:
                    bar(done + done_s, done + total_s * left, name)

            try:
                record = library.record(path, progress=told)
                done += library.opened(record, path)[0].duration_s
            except UnwritableError:
                raise
            except InputError as error:
                problems[path] = str(error)
        return problems

    def reader(
        self, query: str, files: Sequence[Path], videos: Sequence[Video]
    ) -> Callable[[int, WindowPlace], list[Located]]:
        """Finds the moments of a query in a part of a video, by the video's index."""
        features = self.searcher.read(query)
        rate_hz = self.searcher.library.rate_hz

        def moments(index: int, part: WindowPlace) -> list[Located]:
            try:
                indexed = self.searcher.index(files[index])
            except UnwritableError:
                raise
            except InputError:
                return []  # told by ``extract``
            start_s = part.first / RATE_HZ
            end_s = min(part.end / RATE_HZ, videos[index].duration_s)
            first, end = round(start_s * rate_hz), math.ceil(end_s * rate_hz - 1e-6)
            window = indexed.features.part(first, max(end, first + 1))
            times_s = np.asarray(window.times_s) - start_s
            answer = self.searcher.answer(
                replace(
                    indexed,
                    info=replace(indexed.info, duration_s=end_s - start_s),
                    features=replace(window, times_s=times_s),
                ),
                features,
                top=A_WINDOW,
            )
            return [
                Located(
                    index,
                    Span(start_s + moment.span.start, start_s + moment.span.end),
                    moment.score,
                )
                for moment in answer.moments
            ]

        return moments
