"""That everybody can use the page: contrasts, names, phones."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.support.browsing import PHONE, WIDE, Site, Visitor, ask, open_first
from tests.support.servers import serving

pytestmark = pytest.mark.browser


def start(page: Page) -> None:
    expect(page.locator("#library")).to_contain_text("videos")


def found(page: Page) -> None:
    ask(page, "red")
    page.get_by_role("button", name="Filters").click()


def grouped(page: Page) -> None:
    ask(page, "blue")
    page.get_by_role("button", name="Group by video").click()
    expect(page.locator(".group").first).to_be_visible()


def refused(page: Page) -> None:
    page.goto(page.url.partition("?")[0] + "?q=red&within=nowhere")
    expect(page.locator("#told")).to_contain_text("nowhere")


def like(page: Page) -> None:
    ask(page, "green")
    page.locator("#found .card").first.hover()
    page.get_by_role("button", name="More like this").first.click()
    expect(page.locator("#example")).to_be_visible()


def player(page: Page) -> None:
    ask(page, "red")
    open_first(page)
    page.keyboard.press("k")
    page.keyboard.press("w")
    expect(page.locator("#regions")).to_be_visible()
    if page.locator("#accept[aria-pressed=false]").count():
        page.keyboard.press("a")
        expect(page.locator("#saved")).to_have_text("Verdict saved.")
    page.get_by_label("List, an old or a new one").fill("looks")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#collected")).to_contain_text("looks")


def judged(page: Page) -> None:
    ask(page, "red")
    expect(page.locator("#found .card").first).to_contain_text("accepted")


def lists(page: Page) -> None:
    page.get_by_role("link", name="Lists").click()
    expect(page.get_by_role("link", name="looks")).to_be_visible()


def a_list(page: Page) -> None:
    lists(page)
    page.get_by_role("link", name="looks").click()
    expect(page.locator("#lists .card").first).to_be_visible()


def sure(page: Page) -> None:
    lists(page)
    page.get_by_role("button", name="Delete the list looks").click()


def keys(page: Page) -> None:
    page.locator("main").click(position={"x": 2, "y": 300})
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def adding(page: Page) -> None:
    page.get_by_role("link", name="Add videos").click()
    expect(page.locator("#folder")).to_be_visible()


def description(page: Page) -> None:
    page.goto(page.url.partition("?")[0] + "docs")
    expect(page.locator("#addresses")).to_contain_text("/api/search")


VIEWS: list[Callable[[Page], None]] = [
    *(start, found, grouped, refused, like, player, judged, lists, a_list, sure, keys),
    *(adding, description),
]


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_view_has_a_barrier_or_is_too_wide(
    visit: Visitor, size: ViewportSize
) -> None:
    page = visit(color_scheme="light", viewport=size)
    home = page.url
    for view in VIEWS:
        page.goto(home)
        page.emulate_media(color_scheme="light")
        view(page)
        page.evaluate(Axe().axe_script)
        assert barriers(page, {}) == [], view.__name__
        # Themes differ in nothing but colours.
        page.emulate_media(color_scheme="dark")
        contrast = {"runOnly": ["color-contrast"]}
        assert barriers(page, contrast) == [], view.__name__
        for element in ("html", "body", "dialog[open]"):
            for over in page.locator(element).all():
                wide = "element => element.scrollWidth - element.clientWidth"
                assert over.evaluate(wide) <= 0, (view.__name__, element)


def barriers(page: Page, options: dict[str, list[str]]) -> list[tuple[str, list[str]]]:
    """What axe-core finds: the rule, and the elements."""
    options = {"resultTypes": ["violations"], **options}
    found = page.evaluate("options => axe.run(options)", options)
    return [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in found["violations"]
    ]


def test_the_token_is_asked_for_and_what_was_asked_is_shown(
    browser: Browser, site: Site
) -> None:
    token = "a-token-of-many-letters"
    with serving(site.library.open(), token=token) as address:
        context = browser.new_context(viewport=PHONE, color_scheme="dark")
        page = context.new_page()
        page.goto(f"{address}/?q=red")
        wide = "element => element.scrollWidth - element.clientWidth"
        assert page.locator("html").evaluate(wide) <= 0
        page.evaluate(Axe().axe_script)
        assert barriers(page, {}) == []
        page.get_by_label("Token").fill("another one")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not the token")
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        expect(page.locator("#found .card").first).to_be_visible()
        assert token not in page.url and "q=red" in page.url
        # No script gets it.
        assert page.evaluate("document.cookie") == ""
        context.close()


def test_nothing_moves_for_those_who_do_not_want_it(visit: Visitor) -> None:
    page = visit(reduced_motion="reduce")
    ask(page, "red")
    for selector in (".card", "button"):
        duration = (
            f"getComputedStyle(document.querySelector('{selector}')).transitionDuration"
        )
        assert page.evaluate(duration) == "0s"


def test_the_policy_forbids_code_from_elsewhere(visit: Visitor) -> None:
    page = visit()
    visit.expected += ["Content Security Policy", "violates", "404"]
    ran = page.evaluate(
        """async () => {
            const image = document.createElement("div");
            image.innerHTML = "<img src=x onerror='window.ran = 1'>";
            document.body.append(image);
            const script = document.createElement("script");
            script.textContent = "window.ran = 2";
            document.body.append(script);
            await new Promise((go) => setTimeout(go, 300));
            return window.ran ?? 0;
        }"""
    )
    assert ran == 0
