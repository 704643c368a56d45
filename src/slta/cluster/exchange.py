"""Results of a cluster, as they come."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from itertools import chain, count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from slta.errors import InputError

AUTO, LOCAL = "auto", "local"
"""Addresses: a cluster of which this machine is a node, and one of this machine's cores."""
DRIVER = "slta.cluster.driver"
PATIENCE_S = 20.0
"""Time for Ray to end before it is killed."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A video that needs more memory than there is would be tried for ever.
    "RAY_task_oom_retries": "3",
}

J = TypeVar("J")
J_contra = TypeVar("J_contra", contravariant=True)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class NotHere(InputError):
    """A job that cannot be done on one machine, but perhaps on another, or later."""


class Unfit(InputError):
    """A machine that cannot do the work; it ends all of it."""


class Undone(NamedTuple):
    """Why a job was not done."""

    problem: str
    lasting: bool = True
    """Whether it would be refused again, on any machine."""


@runtime_checkable
class Work(Protocol[J_contra, R_co]):
    """What is done with each job. It is sent to the machines once, and kept there."""

    def prepare(self) -> None:
        """Called once in each process. Raises ``InputError`` on a machine that cannot do
        the work, which ends all of it."""
        ...

    def __call__(self, job: J_contra) -> R_co:
        """Raises ``NotHere``, or ``InputError`` for a job that cannot be done."""
        ...


def results(
    address: str, work: Work[J, R], jobs: Iterable[J]
) -> Iterator[tuple[J, R | Undone]]:
    """The jobs with their results, in any order, each once.

    ``address`` is ``auto``, ``local`` or ``HOST:PORT``. Jobs are taken as the cluster has
    room for them. A job of a machine that is lost is done again on another. Without jobs
    nothing is started. Raises ``InputError`` without Ray or a cluster, if the cluster goes
    away, and for a machine that cannot do the work.
    """
    check_address(address)
    waiting = iter(jobs)
    for first in waiting:
        with TemporaryFile() as said, _driver(address, said) as connection:
            try:
                yield from _exchange(connection, work, chain([first], waiting))
            except (EOFError, ConnectionError) as error:
                raise InputError(_lost(address, said)) from error


def check_address(address: str) -> None:
    """Raises ``InputError`` for what cannot be an address, and without Ray."""
    host, _, port = address.rpartition(":")
    if address not in (AUTO, LOCAL) and not (
        re.fullmatch(r"[^\s/]+", host) and port.isdecimal() and 0 < int(port) < 65536
    ):
        raise InputError(
            f"--ray {address} is not an address; give HOST:PORT, as 'ray start --head' "
            "prints it, auto for this machine's cluster, or local for its cores alone"
        )
    if find_spec("ray") is None:
        raise InputError("--ray needs Ray; install it with: pip install 'slta[ray]'")


def _exchange(
    connection: Connection, work: Work[J, R], jobs: Iterator[J]
) -> Iterator[tuple[J, R | Undone]]:
    sent: dict[int, J] = {}
    numbers = count()
    connection.send(work)
    while True:
        kind, *content = connection.recv()
        if kind == "want":
            number = next(numbers)
            for job in jobs:
                sent[number] = job
                connection.send((number, job))
                break
            else:
                connection.send(None)
        elif kind == "result":
            number, result = content
            yield sent.pop(number), result
        elif kind == "refuse":
            raise InputError(content[0])
        elif kind == "fail":
            raise RuntimeError(f"a task failed:\n{content[0]}")
        else:
            return


def _lost(address: str, said: IO[bytes]) -> str:
    """Why the other process ended by itself."""
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    errors = [line for line in lines if re.match(r"\w+(Error|Exception)\b", line)]
    if errors:
        why = errors[-1][:200]
        return f"Ray cannot be used ({why}); install it anew: pip install 'slta[ray]'"
    return gone(address)


def gone(address: str) -> str:
    return (
        f"the Ray cluster {address} went away; what was finished is kept: start the "
        "cluster, then run the same command again"
    )


@contextmanager
def _driver(address: str, said: IO[bytes]) -> Iterator[Connection]:
    """The process that knows Ray; it ends with the block, or with this process."""
    environment = {**os.environ, **QUIET, "PYTHONPATH": os.pathsep.join(sys.path)}
    with ExitStack() as stack:
        if address == LOCAL:
            folder = TemporaryDirectory(prefix="slta-", ignore_cleanup_errors=True)
            environment["RAY_TMPDIR"] = stack.enter_context(folder)
        ours, theirs = Pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", DRIVER, str(theirs.fileno()), address],
            env=environment,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            # Ctrl-C is for this process, which tells the other.
            start_new_session=True,
        )
        stack.callback(_end, process)
        stack.callback(ours.close)
        theirs.close()
        yield ours


def _end(process: "subprocess.Popen[Any]") -> None:
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
