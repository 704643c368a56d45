"""Times that cannot be right, told by those around them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Generic, TypeVar, final

T = TypeVar("T")

# So many pictures must go on from a distant time for it to be believed.
BELIEVED: Final = 12
# Pictures that may be stored between one and its predecessor on display.
REORDERED: Final = 16


def in_order(
    run: Iterable[tuple[int | None, T]], *, step: int, far: int, start: int = 0
) -> Iterator[tuple[int, T]]:
    """Each item with its tick, ever later, from items that come in the right order.

    One whose tick is at odds with those around it comes between them; where there is no
    room, it is left out. A tick more than ``far`` after the one before is believed only
    if ``BELIEVED`` items go on from there, or the end comes first. ``step`` is the usual
    distance, ``start`` the tick of the first where none has any.
    """
    queue = _Queue[T](step, far, start)
    for tick, item in run:
        queue.add(tick, item)
        yield from queue.settled()
    yield from queue.settled(ended=True)


@final
class _Queue(Generic[T]):
    """Items that wait for others to bear out their ticks; None is one that is wrong."""

    def __init__(self, step: int, far: int, start: int) -> None:
        self.step, self.far, self.start = step, far, start
        self.last: int | None = None
        self.held: deque[tuple[int | None, T]] = deque()

    def add(self, tick: int | None, item: T) -> None:
        known = [before for before, _ in self.held if before is not None]
        past = tick is not None and self.last is not None and tick <= self.last
        if tick is None or past or tick in known:
            self.held.append((None, item))
            return
        wrong = {before for before in known if before > tick}
        if self.last is None and wrong and len(known) == 1:
            wrong = set()  # either of the first two: the third tells
        elif self.last is None and len(known) > 1 and known[1] < known[0] < tick:
            wrong = {known[1]}
        self.held.append((tick, item))
        self.held = deque((None if t in wrong else t, one) for t, one in self.held)

    def settled(self, *, ended: bool = False) -> Iterator[tuple[int, T]]:
        while self.held and (ready := self._ready(ended)):
            for tick in ready:
                _, item = self.held.popleft()
                if self.last is None or tick > self.last:
                    self.last = tick
                    yield tick, item

    def _ready(self, ended: bool) -> Sequence[int]:
        """Ticks of the first items, as far as they are settled."""
        last, step = self.last, self.step
        sure = ended or len(self.held) > BELIEVED
        ticks = [tick for tick, _ in self.held]
        n = next((i for i, tick in enumerate(ticks) if tick is not None), None)
        until = None if n is None else ticks[n]
        if n is None or until is None:
            return [self.start if last is None else last + step] if sure else []
        known = [tick for tick in ticks if tick is not None]
        need = BELIEVED if last is not None and until - last > self.far else 1
        if not sure and (len(known) <= need or known[:2] != sorted(known[:2])):
            return []
        if last is None:
            return [until - step * (n - i) for i in range(n + 1)]
        pace = min(step, (until - last) / (n + 1))
        return [*(last + int(pace * (i + 1)) for i in range(n)), until]


def last_shown(
    tail: Sequence[tuple[int, int]], *, reordered: bool, far: Callable[[int], int]
) -> tuple[int, int]:
    """Tick and length of what is shown last of some pictures, as they are stored.

    It is none that others follow which are shown earlier, but for what reordering may
    bring; and none alone more than ``far`` of its tick after all others.
    """
    most = REORDERED if reordered else 0
    later = [sum(tick < at for tick, _ in tail[i:]) for i, (at, _) in enumerate(tail)]
    kept = sorted(shown for shown, n in zip(tail, later, strict=True) if n <= most)
    while len(kept) > 2 and kept[-1][0] - kept[-2][0] > far(kept[-1][0]):
        kept.pop()
    return kept[-1]
