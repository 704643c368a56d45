"""Starts the server."""

import ipaddress
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import uvicorn
from threadpoolctl import threadpool_limits

from slta.errors import InputError
from slta.index.library import Index
from slta.serve.app import make_app
from slta.serve.guards import Guard
from slta.serve.jobs import Jobs
from slta.serve.patience import Patience
from slta.serve.uploads import Uploads

PORT: Final = 8321
STREAMS: Final = 64
"""Maximum connections at a time."""
KEEP_ALIVE_S: Final = 10
"""How long a connection waits for the next request."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens, and by which names it may be asked."""

    host: str
    port: int
    names: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_any(self) -> bool:
        """Whether it listens at all addresses of the machine."""
        return self.host in ("0.0.0.0", "::")

    @property
    def hosts(self) -> list[str]:
        names = ["127.0.0.1", "localhost", "[::1]"] if self.is_local else []
        if self.is_any:
            names = [socket.gethostname().lower()]
        own = f"[{self.host}]" if ":" in self.host else self.host
        known = [f"{name}:{self.port}" for name in dict.fromkeys([*names, own])]
        return [*known, *self.names]


def token_for(address: Address, token: str | None) -> str | None:
    """None for this machine alone; for others the token, made if none is given."""
    if token is not None and len(token) < 16:
        raise InputError(
            "a token needs at least 16 letters; leave it out to have one made"
        )
    if address.is_local:
        return token
    return token or secrets.token_urlsafe(24)


def serve(
    index: Index,
    address: Address,
    token: str | None = None,
    told: Callable[[str], None] | None = None,
    jobs: Jobs | None = None,
    uploads: Uploads | None = None,
) -> None:
    """Serves until Ctrl-C; ``told`` is called with the page's address.

    Raises ``InputError`` for a port that is taken.
    """
    # Several threads would only wait for each other, and keep the pictures waiting.
    with threadpool_limits(1, "blas"), _listening(address) as sock:
        here = replace(address, port=sock.getsockname()[1])
        if told:
            told(f"http://{here.hosts[0]}/" + (f"?token={token}" if token else ""))
        make_server(
            index, here.hosts, token, jobs, uploads, by_address=here.is_any
        ).run(sockets=[sock])


def make_server(
    index: Index,
    hosts: Sequence[str],
    token: str | None = None,
    jobs: Jobs | None = None,
    uploads: Uploads | None = None,
    *,
    by_address: bool = False,
) -> uvicorn.Server:
    """``hosts``, ``token`` and ``by_address`` are those of ``Guard``."""
    app = make_app(index, jobs, uploads)
    app.add_middleware(Guard, hosts=hosts, token=token, by_address=by_address)
    config = uvicorn.Config(
        app,
        http=Patience,
        ws="none",
        log_level="error",
        limit_concurrency=STREAMS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # Streams without an end are ended by themselves.
    app.state.is_ending = lambda: server.should_exit
    return server


def _listening(address: Address) -> socket.socket:
    kind = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address.host, address.port))
        # Whoever opens the printed address at once waits, and is not refused.
        sock.listen()
    except (OSError, OverflowError) as error:
        sock.close()
        raise InputError(
            f"{address.host}:{address.port} cannot be opened ({error}); give another "
            "--port, or --host"
        ) from error
    return sock
