"""Pictures of the page: what was found in films of photographs, and why."""

import io
import json
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

from examples import photo_film
from slta.index.library import Index
from slta.serve.running import make_server

QUERY: Final = "the face of a cat with green eyes"
SIZE: Final = ViewportSize(width=1200, height=800)
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
LATER_S: Final = 2.0
"""From the start of the moment to the frame that is shown."""
FILMS: Final = {
    "photographs.mp4": tuple(photo_film.SUBJECTS),
    "at home.mp4": ("coffee", "cat", "page", "grass"),
    "garage.mp4": ("brick", "motorcycle", "camera", "cat"),
    "space.mp4": ("hubble", "moon", "astronaut", "rocket"),
}
"""What is shown in each."""
NAMES: Final = ("page", "moment")


def write(folder: Path) -> None:
    for name, picture in taken().items():
        picture.save(folder / f"{name}.webp", quality=85, method=6)


def taken() -> dict[str, Image.Image]:
    """Both pictures, by ``NAMES``."""
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder) / "Videos"
        videos.mkdir()
        for seed, (name, subjects) in enumerate(FILMS.items()):
            photo_film.compose(videos / name, seed=seed, subjects=subjects)
        index = Index.open(
            videos, place=Path(folder) / "index", store=Path(folder) / "s"
        )
        index.add()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            host = f"127.0.0.1:{listening.getsockname()[1]}"
            server = make_server(index, [host])
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            while not server.started:
                time.sleep(0.01)
            try:
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(
                        executable_path=shutil.which("chromium"), args=FLAGS
                    )
                    page = browser.new_context(
                        viewport=SIZE, reduced_motion="reduce"
                    ).new_page()
                    pictures = _found(page, f"http://{host}/"), _moment(page)
                    browser.close()
            finally:
                server.should_exit = True
                thread.join()
    return dict(zip(NAMES, pictures, strict=True))


def _found(page: Page, address: str) -> Image.Image:
    page.goto(address)
    page.fill("input[name=q]", QUERY)
    page.keyboard.press("Enter")
    page.locator("#found .card img").first.wait_for()
    page.wait_for_load_state("networkidle")
    return _photographed(page)


def _moment(page: Page) -> Image.Image:
    # The strip of the whole film.
    with page.expect_response(lambda answer: "/strip" in answer.url):
        page.locator("#found .card").first.click()
    page.wait_for_function("() => document.querySelector('#player').readyState > 1")
    page.evaluate(
        f"""() => new Promise((shown) => {{
            const player = document.querySelector("#player");
            player.pause();
            player.addEventListener("seeked", shown, {{ once: true }});
            player.currentTime = Math.round(player.currentTime) + {json.dumps(LATER_S)};
        }})"""
    )
    page.keyboard.press("w")
    page.wait_for_load_state("networkidle")
    return _photographed(page)


def _photographed(page: Page) -> Image.Image:
    # Cards and curves are drawn when the browser has the time.
    page.wait_for_timeout(1500)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")
