"""The process that knows Ray: takes jobs from another, and gives it their results.

It says what it needs: ``("want",)`` is answered by a number and a job, or by None after the
last. It tells ``("result", number, result)``, and at the end ``("end",)``, or why it cannot go
on: ``("refuse", line)`` or ``("fail", traceback)``.
"""

import logging
import os
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from multiprocessing.connection import Connection
from threading import Timer
from typing import Any

import ray
from ray import exceptions

from slta.cluster import tasks
from slta.cluster.exchange import AUTO, LOCAL, Undone, gone
from slta.errors import InputError

TRIES = 3
"""Times that a job is done again if its machine or process is lost."""
MEMORY = 1 << 30
"""Bytes a task needs, about: that of the networks, and of some minutes of video."""
AHEAD = 2
"""Tasks in flight for each core of the cluster."""
CONNECT_S = 60.0
"""Maximum time to connect."""
TICK_S = 1.0
ABSENT_S = 10.0
"""Time without the cluster's head after which it counts as gone."""
HOW = (
    "start one with 'ray start --head', and join other machines with 'ray start --address "
    "HOST:6379'"
)


def main() -> None:
    connection, address = Connection(int(sys.argv[1])), sys.argv[2]
    try:
        work = connection.recv()
        with timely(address, connection):
            head = connect(address)
        Exchange(address, head, connection).run(work)
        connection.send(("end",))
    except InputError as error:
        connection.send(("refuse", str(error)))
    except exceptions.RayTaskError as error:
        connection.send(unforeseen(error))
    except (EOFError, BrokenPipeError):
        pass  # the other process needs nothing more
    connection.close()
    ray.shutdown()


@contextmanager
def timely(address: str, connection: Connection) -> Iterator[None]:
    """Ends the process if the block takes too long: Ray waits for ever for a server that
    speaks another protocol."""

    def give_up() -> None:
        why = f"no answer in {CONNECT_S:.0f} s"
        connection.send(("refuse", unjoined(address, why)))
        os._exit(1)

    timer = Timer(CONNECT_S, give_up)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def connect(address: str) -> tuple[str, int] | None:
    """Host and port of the cluster's head; None for a cluster of this process alone."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        ray.init(address=LOCAL, include_dashboard=False, **options)
        return None
    if address != AUTO:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            why = error.strerror or error
            raise InputError(
                f"no Ray cluster answers at {address} ({why}); {HOW}"
            ) from error
    try:
        ray.init(address=address, **options)
    except ConnectionError as error:
        if address == AUTO:
            raise InputError(
                f"no Ray cluster runs on this machine; {HOW}, or give --ray local"
            ) from error
        raise InputError(unjoined(address, error)) from error
    except Exception as error:  # Ray's own share no base
        raise InputError(unjoined(address, error)) from error
    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    return host, int(port)


def unjoined(address: str, error: Exception | str) -> str:
    why = " ".join(str(error).split())[:200]
    return (
        f"the Ray cluster {address} cannot be used from here ({why}); make this machine one "
        f"of its nodes: ray start --address {address}"
    )


def unforeseen(error: exceptions.RayTaskError) -> tuple[str, str]:
    text = str(error)
    lines = text.strip().splitlines()
    if "ModuleNotFoundError" in text or "ImportError" in text:
        why = next(line for line in reversed(lines) if "Error" in line).strip()
        return "refuse", (
            f"a machine of the cluster lacks a package ({why}); install the same version "
            "of slta on all"
        )
    return "fail", text


class Exchange:
    """Jobs in, results out."""

    def __init__(
        self, address: str, head: tuple[str, int] | None, connection: Connection
    ) -> None:
        self._address, self._head, self._connection = address, head, connection
        self._numbers: dict[Any, int] = {}
        self._heard = time.monotonic()

    def run(self, work: Any) -> None:
        task = ray.remote(
            num_cpus=1, memory=MEMORY, max_retries=TRIES, retry_exceptions=False
        )(tasks.attempt)
        shared = uuid.uuid4().hex, [ray.put(work)], version("slta")
        room, more = self._room(), True
        while more or self._numbers:
            while more and len(self._numbers) < room:
                self._connection.send(("want",))
                answer = self._connection.recv()
                if answer is None:
                    more = False
                else:
                    number, job = answer
                    self._numbers[task.remote(*shared, job)] = number
            ready, _ = ray.wait([*self._numbers], timeout=TICK_S)
            if ready:
                self._give(ready[0])
            else:
                self._check()
                room = self._room()

    def _give(self, reference: Any) -> None:
        number = self._numbers.pop(reference)
        try:
            result = ray.get(reference)
        except exceptions.RayTaskError:
            raise
        except exceptions.RayError as error:
            # Not the file's fault for certain: the machine may have been too small.
            why = str(error).strip().splitlines()[0]
            result = Undone(
                f"it was lost {TRIES + 1} times with the process that read it ({why})",
                lasting=False,
            )
        if isinstance(result, tasks.Unable):
            raise InputError(result.problem)
        self._connection.send(("result", number, result))
        self._heard = time.monotonic()

    def _room(self) -> int:
        """Tasks that may be in flight. Raises ``InputError`` if none could ever run."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(
            n.get("CPU", 0) >= 1 and n.get("memory", 0) >= MEMORY for n in nodes
        ):
            raise InputError(
                f"no machine of the Ray cluster {self._address} has a core and "
                f"{MEMORY >> 30} GB of memory; add one, or give it more with "
                "'ray start --num-cpus' and '--memory'"
            )
        return max(2, AHEAD * int(sum(node.get("CPU", 0) for node in nodes)))

    def _check(self) -> None:
        """Raises ``InputError`` if the cluster is gone, and ``EOFError`` if the other
        process is."""
        if self._connection.poll():
            self._connection.recv()
        if self._head is None:
            return
        while True:
            with suppress(OSError):
                socket.create_connection(self._head, timeout=TICK_S).close()
                self._heard = time.monotonic()
                return
            if time.monotonic() - self._heard > ABSENT_S:
                self._connection.send(("refuse", gone(self._address)))
                os._exit(1)  # Ray would wait for it
            time.sleep(TICK_S)


if __name__ == "__main__":
    main()
