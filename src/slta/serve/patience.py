"""How long the server waits for those who ask, and who gives way if there are too many."""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S: Final = 10.0
"""How long the head of a request may take to arrive."""
READING_S: Final = 60.0
"""How long nothing may be read of an answer that is waiting to be read."""
ANSWERED: Final = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)


class Patience(H11Protocol):
    """A connection that ends if the other side is slow.

    uvicorn itself waits for ever for a first request, and for an answer to be read.
    """

    _cut: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _since_s = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._since_s = self.loop.time()
        self._watch()
        if self.limit_concurrency and len(self.connections) >= self.limit_concurrency:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._cut, self._unread):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._since_s = self.loop.time()
        if self.transport.get_write_buffer_size():
            self._wait_for_reader()

    @property
    def is_waiting(self) -> bool:
        """Whether a head, or a body that nobody reads any more, is to come."""
        conn = self.conn
        if conn.their_state is h11.SEND_BODY:
            return conn.our_state in ANSWERED
        return conn.their_state is h11.IDLE

    def _watch(self) -> None:
        if not self.is_waiting:
            if self._cut is not None:
                self._cut.cancel()
                self._cut = None
        elif self._cut is None:
            self._cut = self.loop.call_later(HEADERS_S, self.transport.abort)

    def _wait_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
        self._unread = self.loop.call_later(READING_S, self._end_if_unread)

    def _end_if_unread(self) -> None:
        self._unread = None
        is_done = self.cycle is None or self.cycle.response_complete
        if self.flow.write_paused or (
            is_done and self.transport.get_write_buffer_size()
        ):
            self.transport.abort()

    def _make_room(self) -> None:
        """Ends the connection that has been waiting for the longest."""
        waiting = [
            other
            for other in self.connections
            if isinstance(other, Patience) and other is not self and other.is_waiting
        ]
        if waiting:
            oldest = min(waiting, key=lambda each: each._since_s)
            oldest.transport.abort()
            self.connections.discard(oldest)
