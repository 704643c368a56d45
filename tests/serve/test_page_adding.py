"""Adding videos in the page: uploads, and jobs of indexing."""

import struct
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.browsing import Site, Visitor, ask
from tests.support.extractors import coloured
from tests.support.libraries import Library
from tests.support.servers import indexing_server

pytestmark = pytest.mark.browser
PIECE = 8_000_000


def film(path: Path, order: str, size: int = 0) -> Path:
    """A film of its own, with so many bytes more that say nothing."""
    path.parent.mkdir(exist_ok=True)
    coloured(path, order=order)
    if size:
        with path.open("ab") as file:
            file.write(struct.pack(">I4s", size, b"free") + bytes(size - 8))
    return path


def adding(visit: Visitor) -> Page:
    page = visit()
    page.get_by_role("link", name="Add videos").click()
    expect(page.get_by_role("heading", name="Add videos")).to_be_visible()
    expect(page.locator("#folder-facts")).to_contain_text("indexed")
    return page


def uploads(page: Page) -> Locator:
    return page.locator("#uploads .job")


def jobs(page: Page) -> Locator:
    return page.locator("#jobs .job")


def test_a_film_is_uploaded_while_one_searches(
    visit: Visitor, site: Site, tmp_path: Path
) -> None:
    page = adding(visit)
    path = film(tmp_path / "<b>new film.mp4", "red red blue")
    page.locator("#upload-file").set_input_files(path)
    ask(page, "red")
    expect(page.locator("#told")).to_contain_text("in 6 videos")
    page.get_by_role("button", name="There are new videos").click(timeout=30_000)
    expect(page.locator("#told")).to_contain_text("in 7 videos")
    page.get_by_role("link", name="Add videos").click()
    expect(uploads(page).first).to_contain_text("Uploaded as uploads/<b>new film.mp4")
    expect(jobs(page).first).to_contain_text("Done")
    assert (
        site.library.folder / "uploads" / path.name
    ).read_bytes() == path.read_bytes()


def test_a_cut_upload_goes_on_where_it_was(
    visit: Visitor, site: Site, tmp_path: Path
) -> None:
    page = adding(visit)
    path = film(tmp_path / "cut.mp4", "blue blue red", PIECE + 1_000_000)
    offsets: list[int] = []
    is_cut = True

    def cut(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        offsets.append(int(route.request.headers["upload-offset"]))
        if is_cut and offsets[-1] > 0:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/uploads/*", cut)
    visit.expected += ["ERR_FAILED"]
    page.locator("#upload-file").set_input_files(path)
    expect(uploads(page).first).to_contain_text("The connection broke; trying again")
    page.reload()
    share = f"{100 * PIECE // path.stat().st_size} % were sent"
    expect(uploads(page).first).to_contain_text(share)
    is_cut = False
    offsets.clear()
    page.locator("#upload-file").set_input_files(path)
    expect(uploads(page)).to_have_count(1)
    expect(uploads(page).first).to_contain_text("Uploaded as uploads/cut.mp4")
    assert offsets == [PIECE]
    assert (
        site.library.folder / "uploads" / "cut.mp4"
    ).read_bytes() == path.read_bytes()
    expect(jobs(page).first).to_contain_text("Done", timeout=30_000)


def test_a_connection_that_breaks_once_is_not_noticed(
    visit: Visitor, tmp_path: Path
) -> None:
    page = adding(visit)
    path = film(tmp_path / "broken off.mp4", "green green red")
    breaks = [1]

    def cut(route: Route) -> None:
        if route.request.method == "PATCH" and breaks:
            breaks.pop()
            route.abort()
        else:
            route.continue_()

    page.route("**/api/uploads/*", cut)
    visit.expected += ["ERR_FAILED"]
    page.locator("#upload-file").set_input_files(path)
    expect(uploads(page).first).to_contain_text("Uploaded as")
    expect(jobs(page).first).to_contain_text("Done", timeout=30_000)


def test_an_upload_is_cancelled_or_refused(
    visit: Visitor, site: Site, tmp_path: Path
) -> None:
    page = adding(visit)
    visit.expected += ["415", "ERR_FAILED"]
    (tmp_path / "text.txt").write_text("not a video")
    page.locator("#upload-file").set_input_files(tmp_path / "text.txt")
    expect(uploads(page).first).to_contain_text("Not uploaded: 'text.txt' is no video")
    page.get_by_role("button", name="Remove from view").click()
    expect(uploads(page)).to_have_count(0)
    page.route(
        "**/api/uploads/*",
        lambda route: (
            route.abort() if route.request.method == "PATCH" else route.continue_()
        ),
    )
    path = film(tmp_path / "unwanted.mp4", "red green")
    page.locator("#upload-file").set_input_files(path)
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Cancel the upload of unwanted.mp4").click()
    expect(uploads(page)).to_have_count(0)
    page.reload()
    expect(page.locator("#folder-facts")).to_contain_text("indexed")
    expect(uploads(page)).to_have_count(0)
    assert not (site.library.folder / "uploads" / "unwanted.mp4").exists()


def test_a_folder_is_looked_at_and_the_job_cancelled(
    visit: Visitor, site: Site
) -> None:
    folder = site.library.folder / "slow ones"
    for number, order in enumerate(["red blue", "blue red", "red red", "blue blue"]):
        film(folder / f"slow {number}.mp4", order)
    page = adding(visit)
    page.get_by_role("button", name="slow ones").click()
    expect(page.locator("[aria-current=location]")).to_have_text("slow ones")
    expect(page.locator("#folder-facts")).to_contain_text("4 new")
    page.get_by_role("button", name="Look for new videos").click()
    job = jobs(page).first
    expect(job).to_contain_text("slow ones")
    expect(job).to_contain_text("Indexing")
    expect(job.get_by_role("progressbar")).to_be_visible()
    other = visit("?view=add")
    expect(jobs(other).first).to_contain_text("Indexing")
    job.get_by_role("button", name="Cancel").click()
    for place in (job, jobs(other).first):
        expect(place).to_contain_text("Cancelled", timeout=30_000)


def test_it_says_which_files_failed_and_why(visit: Visitor, site: Site) -> None:
    folder = site.library.folder / "odd"
    folder.mkdir()
    (folder / "<i>odd.mp4").write_bytes(bytes(3000))
    page = adding(visit)
    page.get_by_role("button", name="odd").click()
    page.get_by_role("button", name="Look for new videos").click()
    job = jobs(page).first
    expect(job).to_contain_text("1 file could not be read", timeout=30_000)
    job.get_by_text("1 file could not be read").click()
    expect(job).to_contain_text("odd/<i>odd.mp4")
    page.reload()
    page.get_by_role("button", name="odd").click()
    expect(page.locator("#folder-facts")).to_contain_text("1 cannot be used")


def test_a_killed_server_that_is_started_again_goes_on_in_the_open_page(
    browser: Browser, library: Library, unused_port: int
) -> None:
    for number in range(3):
        library.put(f"slow{number}.mp4", number)
    context = browser.new_context()
    page = context.new_page()
    with indexing_server(library, unused_port) as process:
        page.goto(f"http://127.0.0.1:{unused_port}/?view=add")
        page.get_by_role("button", name="Look for new videos").click()
        expect(jobs(page).first).to_contain_text("Indexing")
        expect(jobs(page).first).to_contain_text("slow")
        process.kill()
        process.wait()
    with indexing_server(library, unused_port):
        expect(jobs(page).first).to_contain_text("Done", timeout=60_000)
        expect(jobs(page)).to_have_count(1)
        ask(page, "red")
        expect(page.locator("#told")).to_contain_text("in 3 videos")
    context.close()
