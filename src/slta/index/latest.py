"""The latest snapshot of an index, while another process may change the index."""

import time

from slta.index.place import Place
from slta.index.records import Snapshot
from slta.index.tables import SNAPSHOT, read_head, read_snapshot, read_tables

PATIENCE_S = 5.0
"""How long the last snapshot is good while the next one is written."""


class Latest:
    """Reads a snapshot only when it has changed."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._stamp: tuple[int, ...] | None = None
        self._snapshot: Snapshot | None = None
        self._seen_s = float("-inf")
        """When it was there last."""

    def snapshot(self) -> Snapshot | None:
        """None if there is no index."""
        stamp = self._place.stamp(SNAPSHOT)
        now_s = time.monotonic()
        if stamp is not None and stamp == self._stamp:
            self._seen_s = now_s
            return self._snapshot
        # Whoever changes the index is about to write a new one.
        if stamp is None and now_s - self._seen_s < PATIENCE_S:
            return self._snapshot
        snapshot = read_snapshot(self._place)
        if snapshot is not None:
            self._stamp, self._seen_s = stamp, now_s
        elif read_head(self._place) is None:
            return None
        else:
            snapshot, self._stamp = read_tables(self._place), None
        self._snapshot = snapshot
        return snapshot
