"""Search in videos: from a file and a sentence to ranked moments."""

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import Any, overload

from slta.errors import InputError
from slta.features.base import Opened, Prepared, QueryFeatures, Reader, Steps
from slta.features.provider import Provider
from slta.features.store import Store
from slta.features.text.understanding import understand
from slta.progress import Progress
from slta.search.answers import IN_MEMORY, Answer, Indexed, Retriever

__all__ = ["Answer", "Searcher"]


class Searcher:
    """Finds the moments of videos that sentences describe.

    The features of a video are extracted once and kept in the store, on disk.
    """

    def __init__(
        self,
        extractor_name: str | None = None,
        *,
        checkpoint: str | Path | None = None,
        root: str | Path | None = None,
        words_name: str | None = None,
        store: str | Path | None = None,
        model: Any = None,
    ) -> None:
        """A zero-shot searcher, or with ``checkpoint`` one with the model of that run. The
        user's own model is passed as ``"my_file.py:MyModel"``, whose file is executed, or as
        its class.

        ``extractor_name`` defaults to ``imagenet-words``, or the run's extractor;
        ``words_name`` and ``root``, the folder of the data set, default to the run's.
        ``store`` is the folder of the features; default: ``$SLTA_HOME/store``, or ``store``
        in the cache folder.
        """
        place = Store(Path(store) if store else None)
        self.retriever = _retriever(
            extractor_name, checkpoint, root, words_name, model, place
        )
        self._latest: Indexed[Any] | None = None

    @property
    def library(self) -> Provider:
        """The provider of features."""
        return self.retriever.library

    @property
    def reader(self) -> Reader:
        """The reader of queries."""
        return self.library.reader

    @property
    def store(self) -> Store:
        """The feature store."""
        return self.library.store

    def prepare(self, steps: Steps | None = None) -> None:
        """Prepares the extractor's networks, which otherwise happens at the first query."""
        if isinstance(self.reader, Prepared):
            self.reader.prepare(steps)

    @overload
    def search(
        self,
        path: str | Path,
        query: str,
        *,
        top: int = 5,
        progress: Progress | None = None,
    ) -> Answer: ...

    @overload
    def search(
        self,
        path: str | Path,
        query: list[str] | tuple[str, ...],
        *,
        top: int = 5,
        progress: Progress | None = None,
    ) -> list[Answer]: ...

    def search(
        self,
        path: str | Path,
        query: str | list[str] | tuple[str, ...],
        *,
        top: int = 5,
        progress: Progress | None = None,
    ) -> Answer | list[Answer]:
        """At most ``top`` moments of the video at ``path`` that ``query`` describes.

        A list of queries gives a list of answers. ``progress`` is called with the seconds
        of the video that are extracted, and its length. Raises ``InputError`` for an
        unusable video or query.
        """
        if top < 1:
            raise InputError(f"top must be at least 1, got {top}")
        queries = [query] if isinstance(query, str) else query
        query_features = [self.read(text) for text in queries]
        indexed = self.index(path, progress=progress)
        answers = [self.answer(indexed, each, top=top) for each in query_features]
        return answers[0] if isinstance(query, str) else answers

    def read(self, query: str) -> QueryFeatures:
        """Features of a typed query, after correction.

        Raises ``InputError`` for an unusable query.
        """
        _ = self._opening
        understood = understand(query, self.reader.id)
        return replace(
            self.reader.text(understood.text),
            query=query,
            known=understood.known,
            notes=understood.notes,
        )

    @cached_property
    def _opening(self) -> Thread | None:
        """Reads the reader's files while the first query is understood."""
        reader = self.reader
        if not isinstance(reader, Opened):
            return None

        def opened() -> None:
            # Whoever uses them raises it again.
            with suppress(Exception):
                reader.open()

        (thread := Thread(target=opened)).start()
        return thread

    def answer(
        self, indexed: Indexed[Any], query: QueryFeatures, *, top: int
    ) -> Answer:
        """The answer to a query, from ``read``, in a video, from ``index``."""
        try:
            answer = self.retriever.answer(indexed, query, top=top)
        except InputError:
            self._latest = None  # the user may replace the record
            raise
        return replace(answer, notes=query.notes)

    def index(
        self, path: str | Path, *, progress: Progress | None = None
    ) -> Indexed[Any]:
        """Features of a video, extracted if the store does not have them."""
        record = self.library.record(path, progress=progress)
        info, features = self.library.opened(record, path)
        if self._latest and self._latest.folder == record.folder:
            return replace(self._latest, info=info)
        prepared = self.retriever.prepare(record, features)
        if features.regions.size <= IN_MEMORY:
            features = features.part(0, len(features.times_s))
        self._latest = Indexed(info, features, prepared, record.folder)
        return self._latest


def _retriever(
    extractor_name: str | None,
    checkpoint: str | Path | None,
    root: str | Path | None,
    words_name: str | None,
    model: Any,
    store: Store,
) -> Retriever[Any]:
    # Lazy imports: a model needs torch, which takes seconds.
    if checkpoint is None:
        if root is not None:
            raise InputError(
                f"--root {root} is for a trained model; give a run with --checkpoint RUN, "
                "or leave --root out"
            )
        if words_name is not None:
            raise InputError(
                f"--words {words_name} is for a trained model; give a run with "
                "--checkpoint RUN, or leave --words out"
            )
        if model is not None:
            raise InputError(
                f"--model {model} is for a trained model; give its run with --checkpoint "
                "RUN, or leave --model out"
            )
        from slta.search.zero_shot import ZeroShot

        return ZeroShot(extractor_name, store)
    from slta.runs.run import load_run
    from slta.search.trained import Trained

    run = load_run(
        checkpoint, model=model, root=root, extractor=extractor_name, words=words_name
    )
    return Trained(run, store)
