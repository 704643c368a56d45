"""Who is answered: by Host, Origin and token."""

import asyncio

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from slta.serve.guards import BODY, Guard

HOST = "127.0.0.1:8321"
TOKEN = "a-token-of-many-letters"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = 0, True
    while more:
        message = await receive()
        body += len(message.get("body", b""))
        more = message.get("more_body", False)
    await PlainTextResponse(f"{body}")(scope, receive, send)


def asked(
    method: str = "GET",
    path: str = "/api/library",
    headers: dict[str, str] | None = None,
    *,
    token: str | None = None,
    body: bytes = b"",
    by_address: bool = False,
) -> Response:
    named = {"host": HOST, **(headers or {})}

    async def ask() -> Response:
        guard = Guard(echo, hosts=[HOST], token=token, by_address=by_address)
        transport = ASGITransport(app=guard)
        async with AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, headers=named, content=body)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "", "127.0.0.1:8321.evil"]
)
def test_another_name_of_the_machine_is_refused(host: str) -> None:
    answer = asked(headers={"host": host})
    assert answer.status_code == 421
    assert HOST in answer.json()["error"]


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("192.168.1.7:8321", True),
        ("10.0.0.1", True),
        ("[fe80::1]:80", True),
        ("localhost:80", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:8321", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_other_machines_may_ask_by_address_but_by_no_unknown_name(
    host: str, known: bool
) -> None:
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        answer = asked(headers=headers, by_address=True)
        assert answer.status_code == (200 if known else 421)
    other = {"host": "10.0.0.1", "origin": "http://10.0.0.2"}
    assert asked("POST", headers=other, by_address=True).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1"])
def test_a_page_of_another_site_is_refused(method: str, origin: str) -> None:
    assert asked(method, headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_shows_no_picture_but_may_link(site: str) -> None:
    shown = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    linked = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert asked(headers=shown).status_code == 403
    assert asked("POST", headers=linked).status_code == 403
    assert asked(headers=linked).status_code == 200


def test_the_page_itself_is_answered() -> None:
    own = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert asked("POST", headers=own).status_code == 200
    assert asked().status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"cookie": "slta=wrong"},
        {"cookie": ';;="'},
    ],
)
def test_without_its_token_nothing_is_answered(headers: dict[str, str]) -> None:
    assert asked(headers=headers, token=TOKEN).status_code == 401
    assert asked("GET", "/?token=wrong", headers, token=TOKEN).status_code == 401


def test_the_token_is_taken_as_header_cookie_or_in_the_printed_address() -> None:
    for given in (
        {"authorization": f"Bearer {TOKEN}"},
        {"cookie": f"a=b; slta={TOKEN}"},
    ):
        assert asked(headers=given, token=TOKEN).status_code == 200
    answer = asked(path=f"/?token={TOKEN}", token=TOKEN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie


def test_large_bodies_are_refused_before_they_are_read() -> None:
    assert asked("POST", body=bytes(BODY)).text == str(BODY)
    assert asked("POST", body=bytes(BODY + 1)).status_code == 413
    assert asked("POST", headers={"content-length": "-1"}).status_code == 413


def test_every_answer_says_what_browsers_may_do() -> None:
    for answer in (asked(), asked(headers={"host": "evil.example"})):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_asks_for_the_token_and_then_shows_what_was_asked_for() -> None:
    asking = asked(path="/?q=%22%3E%3Cb%3E", token=TOKEN)
    assert asking.status_code == 401 and "<b>" not in asking.text
    assert 'name="q" value="&quot;&gt;&lt;b&gt;"' in asking.text
    assert "not the token" not in asking.text
    assert "not the token" in asked(path="/?token=wrong", token=TOKEN).text
    opened = asked(path=f"/?q=a+cat&token={TOKEN}", token=TOKEN)
    assert (opened.status_code, opened.headers["location"]) == (303, "/?q=a+cat")
    for path, status in (("/base.css", 200), ("/icon.svg", 200), ("/page.js", 401)):
        assert asked(path=path, token=TOKEN).status_code == status
