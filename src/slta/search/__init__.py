"""Ask a video: file and sentence in, ranked moments out."""

from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from slta.errors import InputError
from slta.features.base import Prepared, QueryFeatures, Reader, Steps
from slta.features.provider import Provider
from slta.features.store import Store
from slta.features.text.understanding import understand
from slta.progress import Progress
from slta.search.answers import Answer
from slta.search.retriever import Indexed, Retriever

__all__ = ["Answer", "Searcher"]

IN_MEMORY = 20_000_000
"""Numbers of a video's regions up to which its features are kept for the next query."""


class Searcher:
    """Finds the moments of videos that sentences describe.

    A video is looked at once: its features stay in the store, on disk.
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
        """Answers without training, or with the model of the run ``checkpoint``, whose
        data set may be in another folder now: ``root``. A model of your own is given as
        ``"my_file.py:MyModel"``, whose file is run, or as its class.

        The extractor is ``imagenet-words``, or the run's, unless one is named; the
        words are the run's unless some are named. Features are kept in the folder
        ``store``; else in ``$SLTA_HOME/store``, else in the user's cache folder.
        """
        place = Store(Path(store) if store else None)
        self.retriever = _retriever(
            extractor_name, checkpoint, root, words_name, model, place
        )
        self._latest: Indexed[Any] | None = None

    @property
    def library(self) -> Provider:
        """Where the features of videos come from."""
        return self.retriever.library

    @property
    def reader(self) -> Reader:
        """What reads queries."""
        return self.library.reader

    @property
    def store(self) -> Store:
        """Where features are kept."""
        return self.library.store

    def prepare(self, steps: Steps | None = None) -> None:
        """Makes what the extractor needs and is made only once; the first query does it
        otherwise. ``steps`` is told what is being made and the share that is done.
        """
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
        """The moments of the video at ``path`` that ``query`` describes, ``top`` at most.

        Several queries have as many answers, and the video is looked at once.
        ``progress`` is told how many seconds of the video were looked at, and of how
        many. Raises ``InputError`` for a video or a query that cannot be used.
        """
        if top < 1:
            raise InputError(f"top must be at least 1, got {top}")
        queries = [query] if isinstance(query, str) else query
        asked = [self.asked(each) for each in queries]
        indexed = self.index(path, progress=progress)
        answers = [self.answer(indexed, each, top=top) for each in asked]
        return answers[0] if isinstance(query, str) else answers

    def asked(self, query: str) -> QueryFeatures:
        """A query as it is understood and read.

        Raises ``InputError`` for one that cannot be used.
        """
        understood = understand(query, self.reader.id)
        return replace(
            self.reader.text(understood.text),
            query=query,
            known=understood.known,
            notes=understood.notes,
        )

    def answer(
        self, indexed: Indexed[Any], asked: QueryFeatures, *, top: int
    ) -> Answer:
        """The moments of an indexed video that a read query describes."""
        try:
            answer = self.retriever.answer(indexed, asked, top=top)
        except InputError:
            self._latest = None  # so that a record made again is read again
            raise
        return replace(answer, notes=asked.notes)

    def index(
        self, path: str | Path, *, progress: Progress | None = None
    ) -> Indexed[Any]:
        """The features of a video, from the store or made and kept there."""
        record = self.library.record(path, progress=progress)
        info, features = self.library.opened(record, path)
        if self._latest and self._latest.folder == record.folder:
            return replace(self._latest, info=info)
        known = self.retriever.prepare(record, features)
        if features.regions.size <= IN_MEMORY:
            features = features.part(0, len(features.times_s))
        self._latest = Indexed(info, features, known, record.folder)
        return self._latest


def _retriever(
    extractor_name: str | None,
    checkpoint: str | Path | None,
    root: str | Path | None,
    words_name: str | None,
    model: Any,
    store: Store,
) -> Retriever[Any]:
    # Only what is needed is imported: a model brings torch, which takes seconds.
    if checkpoint is None:
        if root is not None:
            raise InputError(
                f"the folder {root} is that of a run's data set; give the run with "
                "--checkpoint RUN, or leave --root out"
            )
        if words_name is not None:
            raise InputError(
                f"the words {words_name} are for a trained model; give a run with "
                "--checkpoint RUN, or leave --words out"
            )
        if model is not None:
            raise InputError(
                f"the model {model} is that of a run; give the run with --checkpoint RUN, "
                "or leave --model out"
            )
        from slta.search.zero_shot import Untrained

        return Untrained(extractor_name, store)
    from slta.runs.run import load_run
    from slta.search.trained import Trained

    run = load_run(
        checkpoint, model=model, root=root, extractor=extractor_name, words=words_name
    )
    return Trained(run, store)
