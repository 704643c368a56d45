"""Looking at videos on many machines. Only this one writes to the index."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from slta.cluster import Undone, results
from slta.features.base import QueryFeatures
from slta.features.elsewhere import Equipped, Shipped, checked
from slta.features.library import Library
from slta.index.adding import Looks, Outcome, VideoJob, outcome
from slta.index.looking import Seen, look_at
from slta.index.segments import Bases
from slta.progress import Progress
from slta.search.zero_shot import RATE_HZ, ZeroShot


@dataclass(frozen=True)
class Looking(Equipped):
    """What an index keeps of a video, and on request its features."""

    unrelated: list[QueryFeatures]
    bases: Bases
    keep: bool

    def __call__(self, job: VideoJob) -> tuple[Seen, Shipped | None]:
        with checked(job) as store:
            model = ZeroShot(self.extractor_name, store)
            model.library = Library(self.extractor, store, RATE_HZ)
            model.unrelated = self.unrelated
            seen = look_at(job.path, job.content, model, self.bases, keep=self.keep)
            return seen, Shipped.of(model.library, job.path) if self.keep else None


def look_on(address: str, model: ZeroShot, bases: Bases, *, keep: bool) -> Looks:
    """Looks at videos on the Ray cluster at an address, as in ``slta.cluster.exchange``;
    here at those whose features the store has. With ``keep``, features that come back are
    stored here."""

    def looks(
        jobs: Iterable[VideoJob], progress: Callable[[VideoJob], Progress]
    ) -> Iterator[Outcome]:
        library = model.library
        work = Looking(library.id, library.version, model.unrelated, bases, keep)
        stored: list[VideoJob] = []

        def others() -> Iterator[VideoJob]:
            for job in jobs:
                if library.recalled(job.path):
                    stored.append(job)
                else:
                    yield job

        def here() -> Iterator[Outcome]:
            while stored:
                job = stored.pop()
                yield outcome(job, model, bases, keep=keep, progress=progress(job))

        for job, result in results(address, work, others()):
            if isinstance(result, Undone):
                yield Outcome(job, None, result.problem, result.lasting)
            else:
                seen, features = result
                if features is not None:
                    features.put(library, job.content)
                yield Outcome(job, seen)
            yield from here()
        yield from here()

    return looks
