"""Windows compared with a sentence frame by frame, in the order of the sketch."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from slta.features.base import QueryFeatures
from slta.moments.segments import peak
from slta.search import evidence
from slta.search.compact import ALL, Frames, Window
from slta.search.evidence import AGREES_S
from slta.search.zero_shot import RATE_HZ

GROUP = 16
"""Windows compared at once, which fit a core's cache."""
FIRST = 32
"""Windows that are compared before it is known how far the sketch is to be trusted."""
DOUBT = 2.4
"""Standard deviations by which the fit of a window may be higher than by the sketch."""


class Proposal(NamedTuple):
    """A window, which of its frames are compared, and how well they fit by the sketch."""

    number: int
    frames: Frames = ALL
    fit: float = np.inf


class Compared(NamedTuple):
    number: int
    fit: float
    """Of its best second, nearly."""


class Comparison:
    """The windows of an index, compared one group after the other."""

    def __init__(
        self,
        query: QueryFeatures,
        proposals: Iterator[Proposal],
        read: Callable[[int], Window],
        penalty: Float[np.ndarray, " w"],
    ) -> None:
        self._query, self._read, self._penalty = query, read, penalty
        self._proposals = proposals
        self._next: list[Proposal] = []
        self._compared: list[Compared] = []
        self._more = list[float]()
        """Of each compared window: how much better it fits than by the sketch."""

    def best(self, count: int) -> list[Compared]:
        """The best windows, best first; after them come none that would be among them,
        as far as the sketch can be trusted."""
        while self._may_be_among(count):
            self._compare()
        self._compared.sort(key=lambda each: -each.fit)
        return self._compared[:count]

    def _may_be_among(self, count: int) -> bool:
        """Whether the next window may be among the best so many."""
        if not self._next:
            self._next = [*islice(self._proposals, GROUP)]
        if not self._next:
            return False
        fit = self._next[0].fit
        if len(self._compared) < max(count, FIRST) or fit == np.inf:
            return True
        worst = sorted((each.fit for each in self._compared), reverse=True)[count - 1]
        return fit + likely_most(self._more, DOUBT) > worst

    def _compare(self) -> None:
        numbers = [proposal.number for proposal in self._next]
        frames = [proposal.frames for proposal in self._next]
        group = WindowGroup([*map(self._read, numbers)], frames)
        parts = group.by_phrase(self._query)
        for proposal, part in zip(self._next, parts, strict=True):
            fit = best_second(evidence.agreement_of(part), proposal.frames)
            fit -= float(self._penalty[proposal.number])
            self._compared.append(Compared(proposal.number, fit))
            if proposal.fit < np.inf:
                self._more.append(fit - proposal.fit)
        self._next = []


def likely_most(errors: Sequence[float], deviations: float) -> float:
    """What the next error is hardly above, judged by those before."""
    if not errors:
        return 0.0
    return float(np.mean(errors)) + deviations * float(np.std(errors))


def best_second(agreement: Float[np.ndarray, " t"], frames: Frames) -> float:
    """The best mean of two consecutive frames; of a frame without another, its own."""
    if isinstance(frames, slice) or len(agreement) < 2:
        return peak(agreement, rate_hz=RATE_HZ, width_s=AGREES_S)
    follows = np.diff(frames) == 1
    pairs = (agreement[1:] + agreement[:-1])[follows] / 2
    return float(pairs.max() if len(pairs) else agreement.max())


class WindowGroup(NamedTuple):
    """Windows that are compared at once, which takes less time than one by one."""

    windows: Sequence[Window]
    frames: Sequence[Frames] = ()
    """Which frames of each; of all windows all by default."""

    def by_phrase(self, query: QueryFeatures) -> list[Float[np.ndarray, "_ p"]]:
        """``evidence.by_phrase`` of each window."""
        joined = evidence.by_phrase(self, query, self)
        counts = [levels.shape[3] for levels in self._parts]
        return np.split(joined, np.cumsum(counts)[:-1])

    def fits(self, views: evidence.Views) -> Iterator[Float[np.ndarray, "v p s _"]]:
        parts = [
            fits
            for window, frames in self._pairs
            for fits in window.fits(views, frames)
        ]
        yield np.concatenate(parts, axis=3)

    @property
    def _pairs(self) -> Iterator[tuple[Window, Frames]]:
        frames = self.frames or [ALL] * len(self.windows)
        return zip(self.windows, frames, strict=True)

    @property
    def _parts(self) -> list[Float[np.ndarray, "2 v s _"]]:
        return [window.levels[..., frames] for window, frames in self._pairs]

    @property
    def mean(self) -> Float[np.ndarray, "t v s"]:
        return self._levels[0]

    @property
    def spread(self) -> Float[np.ndarray, "t v s"]:
        return self._levels[1]

    @property
    def _levels(self) -> Float[np.ndarray, "2 t v s"]:
        levels = np.concatenate(self._parts, axis=3)
        return np.moveaxis(levels.astype(np.float32), 3, 1)
