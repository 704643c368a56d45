"""Which requests are answered, and what browsers are told about every answer.

A page of another site may ask a server on this machine by its address or, with a name that
resolves to it (DNS rebinding), as if it were its own. So the Host must be one of the
server's, or an address rather than a name if other machines are answered, and what changes
something must come from its own page.
"""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Collection, Sequence
from html import escape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slta.serve.answers import shown

COOKIE: Final = "slta"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BODY: Final = 1 << 20
"""Maximum bytes of a request's body."""
LARGE_BODIES: Final = {"/api/pictures": 10 << 20, "/api/uploads": 64 << 20}
"""The same where files are sent."""
PATIENCE_S: Final = 20.0
"""How long the next piece of a body may take; the whole, besides so much longer as its
bytes need at ``RATE``."""
RATE: Final = 4096
"""Least bytes of a body in a second."""
HEADERS: Final = {
    "content-security-policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",
            "media-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
PAGE: Final = Path(__file__).with_name("page")
OPEN: Final = frozenset({"/base.css", "/icon.svg"})
"""What the page that asks for the token needs."""


class Guard:
    """Wraps an application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        token: str | None = None,
        by_address: bool = False,
    ) -> None:
        """``hosts`` are the names and ports by which the server may be asked, with
        ``by_address`` beside any IP address and localhost."""
        self._app, self._token, self._by_address = app, token, by_address
        self._hosts = {host.lower() for host in hosts}
        self._first = min(self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        answer = _Answering(send, has_body=scope["method"] != "HEAD")
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, answer.send)
            return
        length, most = headers.get("content-length", "0"), _most(scope["path"])
        if not (length.isdecimal() and int(length) <= most):
            refusal = refused(413, _too_large(most), end=True)
            await refusal(scope, receive, answer.send)
            return
        try:
            await self._app(scope, _bounded(receive, most, answer), answer.send)
        except OSError:
            # A file that went away while it was sent. Its answer can only end.
            if not answer.begun:
                raise

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "").lower()
        if not self._is_known(host):
            return refused(
                421, f"this server is not known as {host!r}; open {self._first}"
            )
        if not self._is_own(scope["method"], headers):
            return refused(403, f"this page is not the server's; open {self._first}")
        if self._token is None:
            return None
        if self._is_token(_cookie(headers)) or self._is_token(_bearer(headers)):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        given = dict(query).get("token", "")
        rest = [(name, value) for name, value in query if name != "token"]
        if scope["path"] == "/" and self._is_token(given):
            address = f"/?{urlencode(rest)}" if rest else "/"
            answer = RedirectResponse(address, status_code=303)
            answer.set_cookie(
                COOKIE,
                given,
                httponly=True,
                samesite="strict",
                secure=scope.get("scheme") == "https",
                max_age=30 * 86_400,
            )
            return answer
        if scope["path"] == "/":
            return HTMLResponse(_login(rest, was_wrong=bool(given)), status_code=401)
        if scope["path"] in OPEN and scope["method"] in SAFE:
            return None
        return refused(401, "this server asks for its token; open the page and give it")

    def _is_known(self, host: str) -> bool:
        return host in self._hosts or (self._by_address and _is_address(host))

    def _is_own(self, method: str, headers: Headers) -> bool:
        """Whether the request is not one of another site's page."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None:
            scheme, _, host = origin.lower().partition("://")
            own = {*self._hosts, headers.get("host", "").lower()}
            if scheme not in ("http", "https") or host not in own:
                return False
        if site in (None, "same-origin", "none"):
            return True
        # A link to the page, from anywhere, may be followed.
        return method in SAFE and headers.get("sec-fetch-mode") == "navigate"

    def _is_token(self, given: str) -> bool:
        assert self._token is not None
        return hmac.compare_digest(given.encode(), self._token.encode())


class _Answering:
    """Sends an answer with what browsers are told about each, and just as many bytes as it
    says: a file may change while it is sent. One that is too short ends the connection."""

    def __init__(self, send: Send, *, has_body: bool) -> None:
        self._send, self._has_body = send, has_body
        self.begun = False
        self._left: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if self._has_body and message["status"] != 304:
                length = headers.get("content-length")
                self._left = None if length is None else int(length)
        elif self._left is not None and message["type"] == "http.response.body":
            body = message.get("body", b"")[: self._left]
            self._left -= len(body)
            message = {**message, "body": body}
            if self._left and not message.get("more_body", False):
                return
        await self._send(message)


def _login(rest: Sequence[tuple[str, str]], *, was_wrong: bool) -> str:
    """The page that asks for the token, and then shows what was asked for."""
    kept = (
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in rest
    )
    told = (
        "This is not the token; look at what the server printed." if was_wrong else ""
    )
    page = (PAGE / "login.html").read_text()
    return page.replace("<!-- told -->", told).replace("<!-- kept -->", "".join(kept))


def refused(status: int, sentence: str, *, end: bool = False) -> JSONResponse:
    """An answer that may ``end`` the connection, as the rest of a body is not read."""
    headers = {"connection": "close"} if end else None
    return JSONResponse({"error": shown(sentence)}, status_code=status, headers=headers)


def _too_large(most: int) -> str:
    return f"a request holds at most {most} bytes; send less"


def _is_address(host: str) -> bool:
    """Whether a Host is an IP address or this machine, with any port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _most(path: str) -> int:
    """Maximum bytes of a body that is sent to an address."""
    large = (n for name, n in LARGE_BODIES.items() if f"{path}/".startswith(f"{name}/"))
    return next(large, BODY)


def _cookie(headers: Headers) -> str:
    cookies = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except Exception:  # http.cookies raises its own for odd names
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _bearer(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


class BadBody(HTTPException):
    """A body that is not read to its end."""


def _bounded(receive: Receive, most: int, answer: _Answering) -> Receive:
    """Raises ``BadBody`` for a body that is too long, or does not go on; when the answer
    has begun, nobody is there any more."""
    left, ended, waited_s = most, False, 0.0

    async def bounded() -> Message:
        nonlocal left, ended, waited_s
        if ended:
            return await receive()
        due_s = PATIENCE_S + (most - left) / RATE - waited_s
        begun_s = time.monotonic()
        try:
            message = await asyncio.wait_for(receive(), min(PATIENCE_S, due_s))
        except TimeoutError:
            if answer.begun:
                return {"type": "http.disconnect"}
            raise BadBody(408, "the request did not go on; send it again") from None
        waited_s += time.monotonic() - begun_s
        left -= len(message.get("body", b""))
        ended = not message.get("more_body", False)
        if left < 0 and answer.begun:
            return {"type": "http.disconnect"}
        if left < 0:
            raise BadBody(413, _too_large(most))
        return message

    return bounded
