"""Searching in the page, as people do it."""

import io
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.support.browsing import (
    FILES,
    Visitor,
    ask,
    close,
    open_first,
    state_of,
    until,
)

pytestmark = pytest.mark.browser


def moment(i: int, confidence: float, **facts: Any) -> dict[str, Any]:
    video, file = f"{i % 7:064}", f"film-{i % 7}.mp4"
    times = {"start_s": i / 1e7, "end_s": 1 + i / 1e7, "duration_s": 100.0}
    return {"video": video, "file": file, "score": -i, "confidence": confidence} | times


def answer_with(
    page: Page, moments: list[dict[str, Any]], notes: list[str]
) -> list[int]:
    """Answers searches with these moments; returns how many were asked for, in time."""
    tops: list[int] = []

    def answer(route: Route) -> None:
        tops.append(int(parse_qs(urlsplit(route.request.url).query)["top"][0]))
        surest = max(moment["confidence"] for moment in moments)
        found = {"query": "asked", "videos": 7, "notes": notes, "confidence": surest}
        found |= {"clear_match": surest > 0.65, "clear_from": 0.65}
        found["moments"] = moments[: tops[-1]]
        text = f"event: found\ndata: {json.dumps(found)}\n\nevent: done\ndata: {{}}\n\n"
        route.fulfill(content_type="text/event-stream", body=text)

    page.route("**/api/search/stream?*", answer)
    pixel = io.BytesIO()
    Image.new("RGB", (48, 9)).save(pixel, "JPEG")
    page.route(
        re.compile("/(strip|frame)"),
        lambda route: route.fulfill(content_type="image/jpeg", body=pixel.getvalue()),
    )
    return tops


def test_from_the_first_start_to_the_first_answer(visit: Visitor) -> None:
    page = visit()
    expect(page.locator("#library")).to_contain_text("6 videos")
    expect(page.get_by_label("What to look for")).to_be_focused()
    page.keyboard.type("red")
    page.keyboard.press("Enter")
    card = page.locator("#found .card").first
    expect(card).to_be_visible()
    expect(page.locator("#told")).to_contain_text("in 6 videos")
    expect(card).to_contain_text("confidence")
    loaded = "image => image.complete && image.naturalWidth > 0"
    image = card.locator("img").element_handle()
    page.wait_for_function(loaded, arg=image)
    assert state_of(page) == {"q": "red"}


def test_it_says_plainly_whether_something_clear_was_found(visit: Visitor) -> None:
    page = visit()
    answer_with(page, [moment(0, 0.2)], ["a dogg was read as a dog."])
    ask(page, "a dogg")
    told, card = page.locator("#told"), page.locator("#found .card")
    expect(told).to_contain_text("Nothing clear was found in 7 videos.")
    expect(told).to_contain_text("a dogg was read as a dog.")
    expect(card).to_contain_text("not clear")
    page.unroute("**/api/search/stream?*")
    answer_with(page, [moment(0, 0.9), moment(1, 0.5)], [])
    ask(page, "a dog")
    expect(told).to_have_text("Clear match in 7 videos.")
    expect(card.nth(0)).not_to_contain_text("not clear")
    expect(card.nth(1)).to_contain_text("not clear")


def test_two_people_search_for_different_things(visit: Visitor) -> None:
    one, other = visit(), visit()
    ask(one, "red")
    ask(other, "blue")
    texts = [page.locator("#found .card").first.inner_text() for page in (one, other)]
    assert texts[0] != texts[1]
    assert [state_of(page)["q"] for page in (one, other)] == ["red", "blue"]


def test_by_keyboard_from_a_query_to_a_film_and_back(visit: Visitor) -> None:
    page = visit()
    page.locator("body").click(position={"x": 5, "y": 500})
    page.keyboard.press("/")
    page.keyboard.type("green")
    page.keyboard.press("Enter")
    cards = page.locator("#found .card")
    expect(cards.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cards.nth(4)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#moment")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    until(page, "!player.paused && player.currentTime > 0")
    page.keyboard.press("k")
    until(page, "player.paused")
    page.keyboard.press(" ")
    until(page, "!player.paused")
    page.keyboard.press("k")
    before = page.evaluate("document.querySelector('#player').currentTime")
    page.keyboard.press("l")
    until(page, f"player.currentTime > {before} + 1 || player.currentTime > 5.5")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    expect(page.locator("#moment")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#moment")).to_be_hidden()
    expect(cards.nth(1)).to_be_focused()


def test_the_moment_plays_in_a_loop_and_no_further(visit: Visitor) -> None:
    page = visit("?q=green")
    open_first(page)
    label = page.locator("#ends").inner_text()
    times = re.findall(r"0:(\d\d\.\d)", label)
    start, end = float(times[0]), float(times[1])
    page.get_by_label("2×").check(force=True)
    highest = page.evaluate(
        """async () => {
            const player = document.querySelector("#player");
            let [most, turns, last] = [0, 0, 0];
            const until = performance.now() + 4000;
            while (performance.now() < until && turns < 2) {
              await new Promise(requestAnimationFrame);
              most = Math.max(most, player.currentTime);
              if (player.currentTime < last - 0.5) turns += 1;
              last = player.currentTime;
            }
            return [most, turns, last, player.playbackRate];
        }"""
    )
    assert highest[0] < end + 0.35 and highest[1] == 2 and highest[2] >= start - 0.1
    assert highest[3] == 2
    page.get_by_label("Loop").uncheck()
    until(page, f"player.paused && player.currentTime >= {end} - 0.1")


def test_the_address_restores_what_is_shown(visit: Visitor) -> None:
    page = visit()
    ask(page, "red")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Folder or file").fill("holiday/**")
    page.keyboard.press("Tab")
    expect(page.locator("#told")).to_contain_text("in 2 videos")
    page.get_by_role("button", name="Group by video").click()
    expect(page.locator(".group")).to_have_count(2)
    page.locator("#found .card").first.click()
    expect(page.locator("#moment")).to_be_visible()
    name = page.locator("#name").inner_text()
    state = state_of(page)
    assert state["within"] == "holiday/**" and state["group"] == "1"
    page.reload()
    expect(page.locator("#moment")).to_be_visible()
    expect(page.locator("#name")).to_have_text(name)
    expect(page.locator(".group")).to_have_count(2)
    other = visit(page.url.partition("/?")[2] and "?" + page.url.partition("/?")[2])
    expect(other.locator("#name")).to_have_text(name)
    page.go_back()
    expect(page.locator("#moment")).to_be_hidden()
    expect(page.locator(".group")).to_have_count(2)
    page.go_back()
    expect(page.locator(".group")).to_have_count(0)
    page.go_back()
    expect(page.locator("#told")).to_contain_text("in 6 videos")
    page.go_forward()
    expect(page.locator("#told")).to_contain_text("in 2 videos")


def test_closing_does_not_leave_the_moment_in_the_history(visit: Visitor) -> None:
    page = visit()
    ask(page, "red")
    page.locator("#found .card").first.click()
    close(page)
    assert "moment" not in state_of(page)
    page.go_back()
    expect(page.locator("#start")).to_be_visible()


def test_a_moment_that_is_gone_is_told(visit: Visitor) -> None:
    page = visit(f"?q=red&moment={'0' * 64}@1-2")
    expect(page.locator("#told")).to_contain_text("not in the folder any more")
    expect(page.locator("#moment")).to_be_hidden()


def test_a_refusal_is_told_in_its_sentence(visit: Visitor) -> None:
    page = visit("?q=red&within=nowhere/**")
    expect(page.locator("#told")).to_contain_text("nowhere/**")
    expect(page.locator("#found .card")).to_have_count(0)


def test_more_like_a_card_and_like_the_moment_of_the_player(visit: Visitor) -> None:
    page = visit("?q=red")
    first = page.locator("#found .card").first
    first.hover()
    page.get_by_role("button", name="More like this").first.click()
    expect(page.locator("#told")).to_contain_text("Moments like")
    expect(page.locator("#example")).to_be_visible()
    assert "like" in state_of(page) and "q" not in state_of(page)
    first.click()
    expect(page.locator("#moment")).to_be_visible()
    before = state_of(page)
    page.keyboard.press(".")
    page.keyboard.press("m")
    expect(page.locator("#moment")).to_be_hidden()
    assert state_of(page)["like"] not in (before["like"], before["moment"])
    expect(page.locator("#found[aria-busy]")).to_have_count(0)
    page.get_by_role("button", name="Remove the example").click()
    expect(page.locator("#example")).to_be_hidden()


def picture(colour: tuple[int, int, int]) -> FilePayload:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "PNG")
    return {"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()}


def test_a_picture_is_searched_for(visit: Visitor) -> None:
    page = visit()
    page.locator("#picture-file").set_input_files(picture((230, 20, 20)))
    expect(page.locator("#found .card").first).to_be_visible()
    assert "picture" in state_of(page)
    expect(page.locator("#example img")).to_be_visible()
    page.locator("#found .card").first.click()
    expect(page.locator("#moment")).to_be_visible()


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(visit: Visitor, way: str) -> None:
    page = visit()
    sent = page.evaluate_handle(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "a.png", { type: "image/png" }));
            return data;
        }""",
        [*picture((20, 20, 230))["buffer"]],
    )
    if way == "drop":
        page.dispatch_event("body", "dragenter", {"dataTransfer": sent})
        expect(page.locator("#drop")).to_be_visible()
        page.dispatch_event("body", "drop", {"dataTransfer": sent})
        expect(page.locator("#drop")).to_be_hidden()
    else:
        page.evaluate(
            "data => window.dispatchEvent(new ClipboardEvent('paste', "
            "{ clipboardData: data, bubbles: true, cancelable: true }))",
            sent,
        )
    expect(page.locator("#found .card").first).to_be_visible()
    assert "picture" in state_of(page)


def test_what_is_no_picture_is_told(visit: Visitor) -> None:
    page = visit()
    visit.expected.append("api/pictures")
    wrong: FilePayload = {
        "name": "a.png",
        "mimeType": "image/png",
        "buffer": b"not a picture",
    }
    page.locator("#picture-file").set_input_files(wrong)
    expect(page.locator("#told")).to_contain_text("picture")
    expect(page.locator("#told")).to_have_class("refused")


def test_names_of_files_are_text_everywhere(visit: Visitor) -> None:
    page = visit("?q=red")
    expect(page.locator("#found .card").first).to_be_visible()
    shown = {name.rpartition("/")[2].strip() for name in FILES}
    names = page.locator("#found .name")
    expect(names.nth(5)).to_be_attached()
    assert {name.strip() for name in names.all_text_contents()} == {
        re.sub(r"\s+$", "", name) for name in shown
    }
    for number in range(6):
        page.locator("#found .card").nth(number).click()
        expect(page.locator("#moment")).to_be_visible()
        until(page, "player.readyState > 1")
        close(page)
    page.get_by_role("button", name="Group by video").click()
    expect(page.locator(".group h2")).to_have_count(6)
    assert page.locator("#found b, #found img:not([src^=api])").count() == 0
    assert page.title() == "red · SLTA"


def test_ten_thousand_moments_stay_quick(visit: Visitor) -> None:
    page = visit()
    tops = answer_with(page, [moment(i, 0.1) for i in range(10_000)], [])
    ask(page, "many")
    assert page.locator("#found .card").count() <= 180
    start = time.perf_counter()
    page.evaluate(
        """async () => {
            const last = () => document.querySelectorAll("#found .card").length;
            while (last() < 10000) {
              scrollTo(0, document.documentElement.scrollHeight);
              await new Promise(requestAnimationFrame);
            }
        }"""
    )
    whole_s = time.perf_counter() - start
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator("#rest")).to_have_text("The first 10,000 moments.")
    # Whoever moves through all of them waits for no frame.
    worst_ms = page.evaluate(
        """async () => {
            let [worst, last] = [0, performance.now()];
            for (let step = 0; step < 30; step += 1) {
              scrollTo(0, document.documentElement.scrollHeight * ((step * 7) % 30) / 30);
              await new Promise(requestAnimationFrame);
              const now = performance.now();
              worst = Math.max(worst, now - last);
              last = now;
            }
            return worst;
        }"""
    )
    assert tops == [60, 300, 1500, 7500, 10_000]
    assert whole_s < 40 and worst_ms < 1000
