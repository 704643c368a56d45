"""Correcting moments in the page, gathering and exporting them."""

import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browsing import (
    PHONE,
    Site,
    Visitor,
    close,
    open_first,
    state_of,
    until,
)

pytestmark = pytest.mark.browser


def corrections(site: Site, query: str) -> list[dict[str, object]]:
    answer = httpx.get(f"{site.address}/api/corrections", params={"q": query})
    value: list[dict[str, object]] = answer.json()
    return value


def handle(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=f"{name} of the moment").locator(
        "visible=true"
    )


def value(slider: Locator) -> float:
    return float(slider.get_attribute("aria-valuenow") or "nan")


def test_ends_are_moved_by_keys_and_stay(visit: Visitor, site: Site) -> None:
    page = visit("?q=red")
    open_first(page)
    end = handle(page, "End")
    before = value(end)
    end.press("ArrowLeft")
    end.press("Shift+ArrowLeft")
    expect(page.locator("#saved")).to_have_text("Ends saved.")
    assert value(end) == pytest.approx(before - 1.1, abs=0.02)
    page.reload()
    expect(end).to_be_visible()
    assert value(end) == pytest.approx(before - 1.1, abs=0.02)
    close(page)
    expect(page.locator("#found .card").first).to_contain_text("corrected")
    (kept,) = corrections(site, "red")
    assert kept["end_s"] == pytest.approx(before - 1.1, abs=0.02)
    page.locator("#found .card").first.click()
    page.get_by_role("button", name=re.compile("Back to")).click()
    expect(page.locator("#saved")).to_have_text("Ends saved.")
    assert value(end) == before and corrections(site, "red") == []


@pytest.mark.parametrize("touch", [False, True])
def test_ends_are_dragged_and_stay(visit: Visitor, site: Site, touch: bool) -> None:
    options = {"has_touch": True, "viewport": PHONE} if touch else {}
    page = visit(f"?q=blue&per_video={1 + touch}", **options)
    page.locator("#found .card").nth(int(touch)).click()
    start = handle(page, "Start")
    plot = page.locator(".plot:visible").filter(has=start).bounding_box()
    grip = start.bounding_box()
    assert plot and grip
    before, step_s = value(start), plot["width"] / 6
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    away = step_s / 2 if before < 5 else -step_s / 2
    if touch:
        session = page.context.new_cdp_session(page)
        for kind, places in [
            ("touchStart", [{"x": x, "y": y}]),
            ("touchMove", [{"x": x + away / 2, "y": y}]),
            ("touchMove", [{"x": x + away, "y": y}]),
            ("touchEnd", []),
        ]:
            words = {"type": kind, "touchPoints": places}
            session.send("Input.dispatchTouchEvent", words)
    else:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + away / 2, y, steps=3)
        page.mouse.move(x + away, y, steps=3)
        page.mouse.up()
    expect(page.locator("#saved")).to_have_text("Ends saved.")
    moved = value(start)
    assert moved == pytest.approx(before + away / step_s, abs=0.1)
    page.reload()
    expect(start).to_be_visible()
    assert value(start) == moved
    assert moved in [kept["start_s"] for kept in corrections(site, "blue")]


def test_ends_are_set_to_where_the_film_is(visit: Visitor) -> None:
    page = visit("?q=green")
    open_first(page)
    page.keyboard.press("k")
    track = page.get_by_role("slider", name="Position in the film")
    track.press("Home")
    until(page, "player.currentTime === 0")
    track.press("ArrowRight")
    until(page, "player.currentTime === 1")
    end_s = value(handle(page, "End"))
    if end_s > 1.1:
        track.press("[")
        expect(page.locator("#saved")).to_have_text("Ends saved.")
        assert value(handle(page, "Start")) == 1
    track.press("End")
    until(page, "player.currentTime > 5.5")
    track.press("]")
    expect(page.locator("#saved")).to_have_text("Ends saved.")
    assert value(handle(page, "End")) > 5.5


def test_a_click_on_the_curve_goes_there(visit: Visitor) -> None:
    page = visit("?q=green")
    open_first(page)
    page.keyboard.press("k")
    track = page.get_by_role("slider", name="Position in the film")
    box = track.bounding_box()
    assert box
    track.hover(position={"x": box["width"] / 12, "y": 20})
    expect(page.locator(".preview:visible")).to_contain_text("0:00.5")
    expect(page.locator(".preview:visible img")).to_be_visible()
    track.click(position={"x": box["width"] / 12, "y": 20})
    until(page, "Math.abs(player.currentTime - 0.5) < 0.1")
    assert value(track) == pytest.approx(0.5, abs=0.1)


def test_a_verdict_and_a_note_are_kept_and_shown(visit: Visitor, site: Site) -> None:
    page = visit("?q=a verdict")
    card = page.locator("#found .card").first
    open_first(page)
    page.keyboard.press("a")
    expect(page.locator("#accept")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#saved")).to_have_text("Verdict saved.")
    page.keyboard.press("n")
    page.keyboard.type("x <b>bold</b> a")
    expect(page.locator("#saved")).to_have_text("Note saved.")
    close(page)
    expect(card).to_contain_text("accepted")
    page.reload()
    expect(card).to_contain_text("accepted")
    expect(card).to_contain_text("x <b>bold</b> a")
    (kept,) = corrections(site, "a verdict")
    assert (kept["verdict"], kept["note"]) == ("accepted", "x <b>bold</b> a")
    card.click()
    page.keyboard.press("x")
    expect(page.locator("#saved")).to_have_text("Verdict saved.")
    close(page)
    expect(card).to_contain_text("rejected")
    expect(card).to_be_focused()


def test_a_note_that_is_closed_at_once_is_kept(visit: Visitor, site: Site) -> None:
    page = visit("?q=quick")
    open_first(page)
    page.keyboard.press("n")
    page.keyboard.type("written")
    close(page)
    expect(page.locator("#found .card").first).to_contain_text("written")
    expect(page.locator("#moment")).to_be_hidden()
    page.wait_for_load_state("networkidle")
    assert [kept["note"] for kept in corrections(site, "quick")] == ["written"]


def test_it_says_why_something_was_not_kept(visit: Visitor) -> None:
    page = visit("?q=refused")
    visit.expected.append("api/corrections")
    refusal = {"error": "the disk is full; free space"}
    page.route(
        "**/api/corrections",
        lambda route: route.fulfill(status=507, body=json.dumps(refusal)),
    )
    open_first(page)
    page.keyboard.press("a")
    expect(page.locator("#saved")).to_have_text(
        "Verdict not saved: the disk is full; free space"
    )


def test_why_is_told_and_shown_in_the_frame(visit: Visitor) -> None:
    page = visit("?q=red")
    open_first(page)
    expect(page.locator("#phrases li")).to_contain_text("red")
    expect(page.locator("polyline.relevance:visible")).to_have_count(1)
    page.get_by_role("button", name="Show where in the frame").click()
    expect(page.locator("#regions")).to_be_visible()
    pink = page.locator("#regions").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(32, 18, 1, 1).data]"
    )
    assert pink[0] > 180 and pink[1] < 30 and pink[3] > 60
    page.keyboard.press("w")
    expect(page.locator("#regions")).to_be_hidden()


def test_a_moment_that_an_example_found_is_not_kept_as_a_correction(
    visit: Visitor, site: Site
) -> None:
    page = visit("?q=red")
    page.locator("#found .card").first.hover()
    page.get_by_role("button", name="More like this").first.click()
    expect(page.locator("#told")).to_contain_text("Moments like")
    page.locator("#found .card").nth(1).click()
    expect(page.get_by_role("heading", name="Set its ends")).to_be_visible()
    handle(page, "End").press("ArrowLeft")
    expect(page.locator("#saved")).to_have_text(
        "Add the moment to a list to keep it so."
    )
    for key in "axn":
        page.keyboard.press(key)
    expect(page.locator("#verdicts")).to_be_hidden()
    named = page.locator("#asked").inner_text().strip("“”")
    assert corrections(site, named) == []


def test_a_small_moment_is_looked_at_closer(visit: Visitor, site: Site) -> None:
    video = httpx.get(f"{site.address}/api/videos").json()[0]["video"]
    page = visit(f"?q=closer&moment={video}@1-1.2")
    closer = page.get_by_role("region", name="Around the moment")
    expect(closer).to_be_visible()
    end = handle(page, "End")
    assert value(end) == 1.2
    end.press("Shift+ArrowRight")
    expect(page.locator("#saved")).to_have_text("Ends saved.")
    assert value(end) == pytest.approx(2.2)


def test_moments_are_gathered_and_exported(
    visit: Visitor, site: Site, tmp_path: Path
) -> None:
    page = visit("?q=gathered")
    name = 'best "of" <all> ?#%'
    for number in range(2):
        page.locator("#found .card").nth(number).click()
        page.get_by_label("List, an old or a new one").fill(name)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("#collected")).to_have_text(f"In the list {name}.")
        close(page)
    page.locator("#found .card").first.click()
    page.get_by_label("List, an old or a new one").fill("a/b")
    page.keyboard.press("Enter")
    expect(page.locator("#collected")).to_contain_text("cannot be named “a/b”")
    close(page)
    page.get_by_role("link", name="Lists").click()
    expect(page.locator(".row a")).to_contain_text(f"{name}2 moments")
    page.locator(".row a").click()
    assert state_of(page)["list"] == name
    cards = page.locator("#lists .card")
    expect(cards).to_have_count(2)
    page.get_by_label("Seconds added").fill("0.5")
    for kind, part in [("CSV", "start_s"), ("JSON", "{"), ("EDL", "TITLE")]:
        with page.expect_download() as download:
            page.get_by_role("link", name=kind, exact=True).click()
        saved = tmp_path / download.value.suggested_filename
        download.value.save_as(saved)
        assert part in saved.read_text(errors="replace")
    with page.expect_download() as download:
        cards.first.hover()
        page.get_by_role("link", name="Cut as a clip").first.click()
    assert download.value.suggested_filename.endswith(".mp4")
    cards.first.click()
    expect(page.get_by_role("heading", name=f"In the list {name}")).to_be_visible()
    handle(page, "End").press("ArrowLeft")
    expect(page.locator("#saved")).to_have_text("Ends saved.")
    page.keyboard.press("n")
    page.keyboard.type("of the list")
    expect(page.locator("#saved")).to_have_text("Note saved.")
    page.reload()
    expect(page.get_by_label("Note")).to_have_value("of the list")
    close(page)
    expect(cards.first).to_contain_text("of the list")
    expect(cards.first).to_be_focused()
    cards.first.hover()
    page.get_by_role("button", name="Remove from the list").first.click()
    expect(cards).to_have_count(1)
    page.get_by_role("link", name="All lists").click()
    page.get_by_role("button", name=f"Delete the list {name}").click()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name=f"Delete the list {name}").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No list yet")).to_be_visible()
    assert httpx.get(f"{site.address}/api/lists").json() == []
