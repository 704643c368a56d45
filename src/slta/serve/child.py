"""The process that indexes, from the server's side.

What it says is not trusted: a hostile file may have taken it over.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from threading import Timer
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from slta.index.adding import Added
from slta.serve.indexing import Order

COMMAND: Final = (sys.executable, "-P", "-m", "slta.serve.indexing")
LONGEST: Final = 64 << 20
"""Maximum bytes of a line."""


class AddedSo(BaseModel):
    """``Added``, as it is told."""

    videos: int = Field(ge=0)
    hours: float = Field(ge=0, allow_inf_nan=False)
    known: int = Field(ge=0)
    unchanged: int = Field(ge=0)
    gone: list[str]
    back: int = Field(ge=0)
    problems: dict[str, str]
    seconds: float = Field(ge=0, allow_inf_nan=False)

    @property
    def added(self) -> Added:
        return Added(**self.model_dump())


class Said(BaseModel):
    """One of these."""

    file: str | None = None
    """The file that is about to be opened, or is still read; empty if none is."""
    done_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    all_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    saved: AddedSo | None = None
    """What was done and written so far."""
    busy: str | None = None
    """Why it waits."""
    done: AddedSo | None = None
    refused: str | None = None


class Child:
    """A process that brings an index up to date."""

    def __init__(self, order: Order, command: Sequence[str] = COMMAND) -> None:
        # Ctrl-C is for the server, which then stops it.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
            self._process.stdin.flush()

    def said(self) -> Iterator[Said]:
        """All that it says, until it ends."""
        assert self._process.stdout is not None
        while line := self._process.stdout.readline(LONGEST):
            try:
                yield Said.model_validate(json.loads(line))
            except (ValueError, ValidationError, RecursionError):
                # It does not speak as it should: whoever does not end it waits for it.
                self._process.kill()

    def stop(self, grace_s: float) -> None:
        """Interrupts it; what does not end then is killed."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        timer = Timer(grace_s, self._process.kill)
        timer.daemon = True
        timer.start()

    def wait(self) -> int:
        """Its status, as of ``subprocess``."""
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return status
