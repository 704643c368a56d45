"""Requests that a server must survive, made by grammars with a fixed seed."""

import base64
import itertools
import json
import random
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

SEED = 22
LIMIT_S = 10.0
"""How long a request may take."""
JSON = "content-type: application/json"


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 if the connection was ended without an answer."""

    status: int
    raw: bytes
    seconds: float


def asked(port: int, request: bytes) -> Answer:
    """Sends bytes and reads to the end. Raises ``TimeoutError`` after ``LIMIT_S``."""
    begun, parts = time.monotonic(), list[bytes]()
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection:
        try:
            connection.sendall(request)
            while part := connection.recv(1 << 16):
                parts.append(part)
                connection.settimeout(max(0.01, begun + LIMIT_S - time.monotonic()))
        except (BrokenPipeError, ConnectionResetError):
            pass
    raw = b"".join(parts)
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", raw)
    return Answer(int(match[1]) if match else 0, raw, time.monotonic() - begun)


def request(
    port: int,
    target: str,
    *headers: str,
    method: str = "GET",
    body: bytes = b"",
    host: str | None = "",
) -> bytes:
    """A request, as it is given; by the server's own name if no other is."""
    lines = [f"{method} {target} HTTP/1.1", *headers, "connection: close"]
    if host is not None:
        lines.insert(1, f"host: {host or f'127.0.0.1:{port}'}")
    if body and not any("content-length" in h or "transfer" in h for h in headers):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def _dots(text: str, form: str) -> str:
    return text.replace(".", form)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda t: t,
    "dots": lambda t: _dots(t, "%2e"),
    "all": lambda t: quote(t, safe=""),
    "twice": lambda t: quote(quote(t, safe=""), safe=""),
    "dots twice": lambda t: _dots(t, "%252e").replace("/", "%252f"),
    "overlong": lambda t: _dots(t, "%c0%ae").replace("/", "%c0%af"),
    "utf-16": lambda t: _dots(t, "%u002e").replace("/", "%u2215"),
    "full width": lambda t: quote(t.replace(".", "．").replace("/", "／")),
    "look-alike": lambda t: quote(t.replace("/", "∕").replace(".", "․")),
    "joined": lambda t: quote(t.replace("..", ".\u200d.")),
    "backslash": lambda t: quote(t.replace("/", "\\")),
    "doubled": lambda t: t.replace("../", "....//"),
    "parameter": lambda t: t.replace("../", "..;/"),
    "NUL": lambda t: quote(t) + "%00.mp4",
    "dots at the end": lambda t: quote(t) + "...%20",
    "stream": lambda t: quote(t) + "::$DATA",
    "Windows": lambda t: "C:%5C" + quote(t.replace("/", "\\"), safe=""),
    "device": lambda t: quote("\\\\?\\" + t.replace("/", "\\"), safe=""),
    "URL": lambda t: "file:%2F%2F%2F" + quote(t, safe=""),
    "home": lambda t: quote("~root/" + t, safe=""),
    "long": lambda t: "./" * 2000 + t,
}
PLACES = (
    "/{}",
    "//{}",
    "/docs/{}",
    "/api/{}",
    "/api/videos/{}",
    "/api/videos/{}/file",
    "/api/videos/{}/frame?at=0",
    "/api/videos/{}/strip?start=0&end=1",
    "/api/videos/{}/clip?start=0&end=1",
    "/api/videos/{}/why?q=red",
    "/api/videos/{}/regions?q=red",
    "/api/lists/{}",
    "/api/lists/{}/export?kind=csv",
    "/api/corrections/{}",
    "/api/uploads/{}",
    "/api/jobs/{}",
    "/api/folder?path={}",
    "/api/corrections?video={}",
    "/api/search?q=red&within={}",
    "/api/search?like={}@0-1",
    "/api/search?picture={}",
    "/api/search?q=red&since={}",
    "/api/search/stream?q={}",
)


def traversals(port: int, canary: str, count: int) -> Iterator[bytes]:
    """For files outside the folder, and one in it that is no video."""
    up = [f"{'../' * depth}{canary.lstrip('/')}" for depth in (1, 3, 12)]
    near = ["../canary.txt", "notes.txt", "films/../../canary.txt", canary]
    files = [*up, *near, "../../../../etc/passwd", "/etc/passwd", "/proc/self/environ"]
    every = [*itertools.product(PLACES, FORMS.values(), files)]
    for place, form, file in random.Random(SEED).sample(every, count):
        yield request(port, place.format(form(file)))


def names(port: int) -> Iterator[tuple[bytes, set[int]]]:
    """Hosts and origins, and what may be answered."""
    own = f"127.0.0.1:{port}"
    wrong = [
        "evil.example", f"evil.example:{port}", "127.0.0.1", f"{own}.evil.example",
        f"evil.example@{own}", f"{own}@evil.example", f"{own}/", f"{own}#", f" {own} x",
        "127.0.0.1:80", "127.0.0.1:0", f"127.1:{port}", f"2130706433:{port}",
        f"0x7f.0.0.1:{port}", f"0:{port}", f"[::ffff:127.0.0.1]:{port}", f"[::]:{port}",
        f"127.0.0.1.:{port}", f"localhost.:{port}", f"127.0.0.1:{port}0", f"127.0.0.1:+{port}",
        f"127.0.0.1:0{port}", f"{own},evil.example", f"{own} evil.example", "x" * 9000,
        "１２７.0.0.1", f"127。0。0。1:{port}", "localhost", "null", "*", "%00", f"\t{own}\x0b",
    ]  # fmt: skip
    for host in wrong:
        for method, target in (
            ("GET", "/"), ("GET", "/api/library"), ("PUT", "/api/lists/stolen"),
        ):  # fmt: skip
            yield request(port, target, method=method, host=host), {0, 400, 421}
    yield request(port, "/", host=None), {400}
    yield request(port, "/", f"host: {own}", host="evil.example"), {400}
    yield request(port, "/", "host: evil.example"), {400}
    yield request(port, "http://evil.example/api/library", host="evil.example"), {421}
    yield request(port, "/", f"x-forwarded-host: {own}", host="evil.example"), {421}
    strange = [
        "null", "http://evil.example", f"http://evil.example:{port}", "http://127.0.0.1",
        f"http://{own}.evil.example", f"http://evil@{own}", f"http://{own}@evil.example",
        f"http://{own}, http://evil.example", f"http://127.0.0.1:{port}0", "file://", "x", "",
        f"http://localhost.:{port}", "http://[", f"http://\\{own}", f"//{own}\\@evil.example",
        "about:blank", "data:text/html,x", "chrome-extension://abc", f"http:{own}",
    ]  # fmt: skip
    for origin in strange:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            target = "/api/lists/stolen"
            told = request(port, target, f"origin: {origin}", method=method)
            yield told, {0, 400, 403}
    for site, mode, method in itertools.product(
        ("cross-site", "same-site", "x", ""),
        ("no-cors", "cors", "navigate", "websocket", ""),
        ("GET", "PUT", "DELETE"),
    ):
        told = request(
            port, "/api/lists/stolen", f"sec-fetch-site: {site}",
            f"sec-fetch-mode: {mode}", method=method,
        )  # fmt: skip
        linked = mode == "navigate" and method == "GET"
        yield told, {403, 404} if linked else {403}


def lengths(port: int) -> Iterator[bytes]:
    """Bodies whose length is a lie, or whose pieces are broken."""
    body = b'{"note": "x"}'
    targets = [
        ("PUT", "/api/corrections"), ("POST", "/api/lists/a/moments"),
        ("PATCH", "/api/lists/a/moments/1"), ("POST", "/api/pictures"), ("GET", "/"),
    ]  # fmt: skip
    sizes = [
        "-1", "+13", "0x0d", "13, 14", "13 13", "1e1", "", " ", "٣", "99999999999999999999",
        str(1 << 40), str(11 << 20), "9" * 5000, "13.0", "14", "1000", "1", "0",
    ]  # fmt: skip
    pieces = [
        b"0\r\n\r\n", b"d\r\n" + body + b"\r\n0\r\n\r\n", b"-1\r\n\r\n", b"zz\r\nx\r\n",
        b"ffffffffffffffffffff\r\nx", b"7fffffff\r\n" + b"x" * 5000, b"5\r\nab", b"\r\n" * 50,
        b"d;" + b"a" * 20_000 + b"\r\n" + body, b"d\n" + body + b"\n0\n\n", b" d\r\n" + body,
        b"1\r\n{\r\n" * 5000, b"d\r\n" + body + b"X\r\n0\r\n\r\n", b"0\r\nhost: x\r\n\r\n",
        b"100000\r\n" + b"[" * (1 << 20) + b"\r\n10\r\n" + b"[" * 16 + b"\r\n0\r\n\r\n",
    ]  # fmt: skip
    for method, target in targets:
        for size in sizes:
            given = (JSON, f"content-length: {size}")
            yield request(port, target, *given, method=method, body=body)
        for piece in pieces:
            given = (JSON, "transfer-encoding: chunked")
            yield request(port, target, *given, method=method, body=piece)
        for coding in ("gzip", "chunked, chunked", "identity", "xchunked", " chunked "):
            given = (JSON, f"transfer-encoding: {coding}")
            yield request(port, target, *given, method=method, body=b"0\r\n\r\n")
        both = (JSON, "transfer-encoding: chunked", "content-length: 5")
        yield request(port, target, *both, method=method, body=b"0\r\n\r\nGET / HTTP")


def documents(port: int, video: str, count: int) -> Iterator[bytes]:
    """JSON that is broken, deep, large or not what is asked for."""
    random_ = random.Random(SEED)
    good = json.dumps(
        {
            "video": video, "query": "red", "found_start_s": 0.0, "found_end_s": 2.0,
            "start_s": 0.0, "end_s": 2.0, "verdict": "accepted", "note": "",
            "score": 1.0, "confidence": 0.5,
        }
    ).encode()  # fmt: skip
    fixed = [
        b"", b"null", b"[]", b'"x"', b"0", b"NaN", b"{", b"{}" * 2, b"\xff\xfe{}", b"\xef\xbb\xbf{}",
        b"[" * 100_000, b'{"a":' * 50_000, b'{"video":' + b"[" * 9999 + b"]" * 9999 + b"}",
        b"9" * 100_000, b"1e999999", b"-" * 1000, b'"\\ud800"', b'"\\u0000"', b"\x00" * 100,
        b'{"video": "%s", "video": 1}' % video.encode(), b'"' + b"a" * 900_000 + b'"',
        good.replace(b'"red"', b'"\\ud83d"'), good.replace(b'"red"', b'"\\u0000"'),
        good.replace(b"2.0", b"1e400"), good.replace(b"2.0", b"9" * 4301),
        good.replace(b"0.0", b"-0.0"), good.replace(b"0.0", b"Infinity"),
        good.replace(b"2.0", b"1" + b"0" * 400), good.replace(b'"red"', b"{}"),
        good.replace(b'""', b'"' + b"\\n" * 5000 + b'"'), good.replace(b'""', b'"<script>"'),
    ]  # fmt: skip
    odd = [
        b"\x00",
        b"\xff",
        b"\\",
        b'"',
        b"[",
        b"{",
        b"}",
        b",",
        b"-",
        b"e9",
        b"\\u",
        b"\xed\xa0\x80",
    ]
    while len(fixed) < count // 3:
        bytes_ = bytearray(good)
        for _ in range(random_.randint(1, 6)):
            at = random_.randrange(len(bytes_))
            bytes_[at : at + random_.randint(0, 4)] = random_.choice(odd)
        fixed.append(bytes(bytes_))
    for body in fixed:
        for method, target in (
            ("PUT", "/api/corrections"), ("POST", "/api/lists/a/moments"),
            ("PATCH", "/api/lists/a/moments/1"),
        ):  # fmt: skip
            yield request(port, target, JSON, method=method, body=body)


def heads(port: int, count: int) -> Iterator[bytes]:
    """Heads of requests that are too large, broken, or of another protocol."""
    random_ = random.Random(SEED)
    own = f"host: 127.0.0.1:{port}\r\n".encode()
    yield from [
        request(port, "/" + "a" * 70_000), request(port, "/?" + "a=b&" * 20_000),
        request(port, "/", "x: " + "a" * 200_000), request(port, "/", *["x: y"] * 20_000),
        request(port, "/", *[f"x{i}: y" for i in range(5000)]), b"\r\n" * 10_000,
        request(port, "/", "cookie: " + "a=b; " * 3000), request(port, "/", "x : y"),
        request(port, "/", "range: bytes=" + "0-1," * 3000), request(port, "/", ": y"),
        request(port, "/", "x: a\r\n b\r\n\tc"), request(port, "/", "x: a\x00b"),
        request(port, "/", "x: a\rb"), request(port, "/", "x: a\nhost: evil.example"),
        request(port, "/", method="x" * 9000), request(port, "/", method="GE T"),
        request(port, "/", method="TRACE"), request(port, "*", method="OPTIONS"),
        request(port, "evil.example:443", method="CONNECT"), b"GET /\r\n", b"GET / HTTP/0.9\r\n\r\n",
        b"GET / HTTP/2.0\r\n" + own + b"\r\n", b"GET / HTTP/1.0\r\n\r\n", b"GET /\xff HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        request(port, "/", "upgrade: websocket", "connection: upgrade", "sec-websocket-key: x"),
        request(port, "/", "upgrade: h2c", "connection: upgrade, http2-settings"),
        request(port, "/", "expect: 100-continue", "content-length: 5", method="POST"),
        request(port, "/", "content-encoding: gzip", method="PUT", body=b"\x1f\x8b" + bytes(99)),
        request(port, "/") * 50, b"\x00" * 70_000,
    ]  # fmt: skip
    good = request(port, "/api/library", "accept: */*", "x-a: b")
    for _ in range(count - 32):
        bytes_ = bytearray(good)
        for _ in range(random_.randint(1, 8)):
            at = random_.randrange(len(bytes_))
            bytes_[at : at + random_.randint(0, 2)] = random_.randbytes(
                random_.randint(0, 3)
            )
        yield bytes(bytes_)


def uploads(port: int) -> Iterator[tuple[bytes, set[int]]]:
    """Names and lengths of files that nobody should send."""
    names = [
        "../../up.mp4", "/etc/up.mp4", "..\\..\\up.mp4", "a/../../up.mp4", "up.mp4/", ".mp4",
        "up.php", "up.mp4\x00.sh", "..", ".", "", "C:\\up.mp4", "x" * 5000 + ".mp4", "con.mp4",
        "<img src=x onerror=alert(1)>.mp4", "$(id).mp4", "`id`.mp4", "-rf.mp4", "a\nb.mp4",
        "．．／up.mp4", "\u202e4pm.sh", "\ud800.mp4", ".hidden.mp4", "~$up.mp4",
    ]  # fmt: skip
    lengths = ["0", "-1", "1e3", "nan", "9" * 30, "", "5 5", "٣", "1_0", "0x5"]
    for name in names:
        coded = base64.b64encode(name.encode(errors="surrogatepass")).decode()
        told = (f"upload-metadata: filename {coded}", "tus-resumable: 1.0.0")
        yield (
            request(port, "/api/uploads", *told, "upload-length: 5", method="POST"),
            {201, 400, 413, 415},
        )
    coded = base64.b64encode(b"up.mp4").decode()
    for length in lengths:
        told = (f"upload-metadata: filename {coded}", f"upload-length: {length}")
        yield request(port, "/api/uploads", *told, method="POST"), {400, 413}
    for metadata in (
        "",
        "filename",
        "filename !!!",
        "filename ====",
        "x" * 9000,
        "a b,,,c",
    ):
        told = (f"upload-metadata: {metadata}", "upload-length: 5")
        yield request(port, "/api/uploads", *told, method="POST"), {400, 413, 415}


VALUES = (
    "nan", "inf", "-inf", "-1", "-0", "1e308", "1e-308", "1e999", "9" * 400, "0x10", "٣", "",
    "%20", "%00", "%ff", "%ed%a0%80", "%F0%9F%A6%8A", "null", "true", "[]", "{}", "1;2", "1,2",
    "%0d%0aset-cookie:%20a=b", "%3Cscript%3E", "%27%20OR%201=1--", "%22;", "$(id)", "`id`", "|id",
    "a" * 600, "%2a%2a/" * 90, "[[[[[[", "{a,b}" * 60, "*" * 400, "9999-12-31", "0000-00-00",
    "99999999999d", "1969-01-01", "-5m", "%E2%80%AE", "..", "loop", "loop/x", "%25s%25n", "1" + "0" * 309,
)  # fmt: skip


def parameters(port: int, video: str, count: int) -> Iterator[bytes]:
    """Odd values of every parameter."""
    own = f"/api/videos/{video}"
    names_of = {
        "/api/search?q=red": "q like picture top per_video within since until longer shorter "
        "confidence",
        "/api/search/stream?": "q top within confidence",
        f"{own}/frame?": "at width",
        f"{own}/strip?": "start end count width",
        f"{own}/clip?": "start end",
        f"{own}/why?": "q like picture",
        f"{own}/regions?q=red": "at q",
        "/api/corrections?": "video q top",
        "/api/lists/a/export?": "kind pad merge",
        "/api/folder?": "path",
    }
    others = "start=0&end=1&q=red&kind=csv"
    every = [
        (base, name, value)
        for base, listed in names_of.items()
        for name in listed.split()
        for value in VALUES
    ]
    for base, name, value in random.Random(SEED).sample(every, count):
        kept = "&".join(p for p in others.split("&") if not p.startswith(f"{name}="))
        yield request(port, f"{base}&{name}={value}&{kept}")
