"""A real browser, and servers of films of colours for it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from slta.features import EXTRACTORS, Kind
from slta.serve.jobs import Jobs
from tests.support.colour_indexing import COMMAND
from tests.support.extractors import Colours
from tests.support.libraries import Library, films
from tests.support.once import made_once
from tests.support.servers import serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FILES = [
    "red-green-blue.mp4",
    "holiday/<img src=x onerror=\"document.title='hostile'\">.mp4",
    "holiday/\"quoted\" & 'single' #1 ?q=%41 + .mp4",
    "a name that is as long as names of files may be " * 4 + ".mp4",
    "javascript:document.title='hostile'.mp4",
    "\u202e4pm.ecalp\u202c ＜b＞ 🐈.mp4",
]
"""Where each of the six films lies; names may be anything."""
PHONE = ViewportSize(width=390, height=844)
WIDE = ViewportSize(width=1280, height=900)
PATIENCE_MS = 10_000


@dataclass(frozen=True)
class Site:
    """A server of six films."""

    address: str
    library: Library


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, which plays H.264. Not longer than a module: as long as there is
    one, no other event loop runs."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("site")
    store = made_once("colours-store", lambda _: None)
    films()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
        (home / "films").mkdir()
        library = Library(home / "films", home / "index", store)
        for film, name in enumerate(FILES):
            library.put(name, film)
        index = library.open()
        index.add()
        with serving(index, Jobs(index, command=COMMAND)) as address:
            yield Site(address, library)


class Visitor:
    """Opens pages, and remembers what went wrong in them."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser, self._site = browser, site
        self.wrong: list[str] = []
        self.expected: list[str] = []
        """Parts of what goes wrong on purpose."""
        self._contexts: list[Any] = []

    def __call__(self, state: str = "", **options: Any) -> Page:
        """A page in a context of its own, at an address such as ``?q=red``."""
        options = {"viewport": WIDE, "reduced_motion": "reduce"} | options
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("request", self._look)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on(
            "console",
            lambda line: (
                self.wrong.append(f"console: {line.text} {line.location}")
                if line.type in ("error", "warning")
                else None
            ),
        )
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog {dialog.message}"))
        page.goto(f"{self._site.address}/{state}")
        return page

    def _look(self, request: Request) -> None:
        parts = urlsplit(request.url)
        own = urlsplit(self._site.address)
        if parts.scheme != "blob" and parts.netloc != own.netloc:
            self.wrong.append(f"request to another host: {request.url}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visitor]:
    """Opens pages; at the end nothing may have gone wrong in any."""
    visitor = Visitor(browser, site)
    yield visitor
    visitor.close()
    wrong = [
        line
        for line in visitor.wrong
        if not any(part in line for part in visitor.expected)
    ]
    assert not wrong


def ask(page: Page, query: str) -> None:
    """Writes a query and waits for its answer."""
    page.get_by_label("What to look for").fill(query)
    page.keyboard.press("Enter")
    expect(page.locator("#found[aria-busy]")).to_have_count(0)
    expect(page.locator("#found .card").first).to_be_visible()


def open_first(page: Page) -> None:
    """Opens the first moment and waits until it plays."""
    page.locator("#found .card").first.click()
    until(page, "!player.paused && player.readyState > 1")


def close(page: Page) -> None:
    """Closes the moment by a key, and waits until the address says so."""
    page.keyboard.press("Escape")
    expect(page.locator("#moment")).to_be_hidden()
    page.wait_for_function("() => !location.search.includes('moment=')")


def until(page: Page, condition: str) -> None:
    """Waits for a condition of the player."""
    page.wait_for_function(
        f"() => {{ const player = document.querySelector('#player'); return {condition} }}"
    )


def state_of(page: Page) -> dict[str, str]:
    """What the address says."""
    words: dict[str, str] = page.evaluate(
        "() => Object.fromEntries(new URLSearchParams(location.search))"
    )
    return words
