"""What the service makes of a moment: reasons, pictures, clips, and what looks like it."""

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from slta import video
from slta.serve.media import attachment


def best(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/api/search", params={"q": "green"}).json()
    moment: dict[str, Any] = answer["moments"][0]
    return moment


def colour(image: Image.Image) -> str:
    pixel = np.asarray(image.convert("RGB").resize((1, 1)))[0, 0]
    return ("red", "green", "blue")[int(pixel.argmax())]


def test_the_curve_is_high_in_the_moment_and_the_moments_are_those_of_the_search(
    client: httpx.Client,
) -> None:
    moment = best(client)
    why = client.get(f"/api/videos/{moment['video']}/why?q=green").json()
    times_s, curve = np.array(why["times_s"]), np.array(why["relevance"])
    start_s, end_s = moment["start_s"], moment["end_s"]
    # A frame stands for the half second that follows it.
    inside = (times_s >= start_s) & (times_s + 0.5 <= end_s)
    outside = (times_s + 0.5 < start_s) | (times_s > end_s)
    assert curve[inside].min() > why["line"] > curve[outside].max()
    assert [why["moments"][0][n] for n in ("start_s", "end_s", "score")] == [
        moment["start_s"],
        moment["end_s"],
        pytest.approx(why["moments"][0]["score"]),
    ]
    assert sum(p["weight"] for p in why["phrases"]) == pytest.approx(1, abs=0.01)
    assert why["duration_s"] == moment["duration_s"]


def test_regions_are_shares_of_the_frame(client: httpx.Client) -> None:
    moment = best(client)
    address = f"/api/videos/{moment['video']}/regions?q=green&at={moment['end_s']}"
    found = client.get(address).json()
    boxes = np.array(found["boxes"])
    assert boxes.shape == (len(found["weights"]), 4)
    assert boxes.min() >= 0 and boxes.max() <= 1
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert sum(found["weights"]) == pytest.approx(1, abs=0.01)
    far = client.get(address + "000").json()
    assert far["at_s"] < moment["duration_s"]


def test_a_strip_has_the_frames_of_a_moment_side_by_side(client: httpx.Client) -> None:
    moment = best(client)
    answer = client.get(
        f"/api/videos/{moment['video']}/strip",
        params={"start": 0, "end": moment["duration_s"], "count": 3},
    )
    strip = Image.open(io.BytesIO(answer.content))
    third = strip.width // 3
    assert third == 160
    shown = [
        colour(strip.crop((i * third, 0, (i + 1) * third, strip.height)))
        for i in range(3)
    ]
    assert shown == Path(moment["path"]).stem.split("-")


def test_a_clip_is_that_part_of_the_film_and_is_made_once(
    client: httpx.Client, tmp_path: Path
) -> None:
    moment = best(client)
    words = {"start": moment["start_s"], "end": moment["end_s"]}
    address = f"/api/videos/{moment['video']}/clip"
    answer = client.get(address, params=words)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    (tmp_path / "clip.mp4").write_bytes(answer.content)
    length_s = moment["end_s"] - moment["start_s"]
    assert video.probe(tmp_path / "clip.mp4").duration_s == pytest.approx(
        length_s, abs=0.2
    )
    frame = video.frames(tmp_path / "clip.mp4", at=[length_s / 2]).images[0]
    assert colour(Image.fromarray(frame)) == "green"
    assert client.get(address, params=words).content == answer.content


def test_more_like_this_finds_what_looks_alike(client: httpx.Client) -> None:
    moment = best(client)
    # Without its ends, which may show the shots before and after.
    start_s, end_s = moment["start_s"] + 0.5, moment["end_s"] - 0.5
    like = f"{moment['video']}@{start_s}-{end_s}"
    answer = client.get("/api/search", params={"like": like, "top": 3}).json()
    assert answer["like"]["start_s"] == pytest.approx(start_s, abs=1e-3)
    for found in answer["moments"]:
        at = (found["start_s"] + found["end_s"]) / 2
        data = client.get(
            f"/api/videos/{found['video']}/frame", params={"at": at}
        ).content
        assert colour(Image.open(io.BytesIO(data))) == "green"
    why = client.get(f"/api/videos/{moment['video']}/why", params={"like": like}).json()
    assert why["unit"] == "likeness" and why["moments"]


def test_a_picture_finds_what_looks_like_it(client: httpx.Client) -> None:
    file = io.BytesIO()
    Image.new("RGB", (90, 50), (20, 20, 230)).save(file, "PNG")
    answer = client.post("/api/pictures", content=file.getvalue())
    assert answer.status_code == 201
    found = client.get("/api/search", params=answer.json()).json()["moments"][0]
    at = (found["start_s"] + found["end_s"]) / 2
    data = client.get(f"/api/videos/{found['video']}/frame", params={"at": at}).content
    assert colour(Image.open(io.BytesIO(data))) == "blue"


@pytest.mark.parametrize(
    "body", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_what_is_no_picture_is_told(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/pictures", content=body)
    assert answer.status_code == 400
    assert "the picture" in answer.json()["error"] and "/" not in answer.json()["error"]


def test_only_sure_moments_are_listed_if_that_is_asked_for(
    client: httpx.Client,
) -> None:
    def confidences(least: float) -> list[float]:
        params: dict[str, str | float] = {"q": "green", "top": 100, "confidence": least}
        moments = client.get("/api/search", params=params).json()["moments"]
        return [moment["confidence"] for moment in moments]

    every = confidences(0)
    for line in {*every, max(every) + 0.001}:
        assert confidences(line - 0.0005) == [c for c in every if c >= line]
    assert client.get("/api/search?q=green&confidence=2").status_code == 422


@pytest.mark.parametrize(
    "part",
    [
        "strip?start=2&end=1",
        "strip?start=-1&end=1",
        "strip?start=nan&end=1",
        "strip?start=0&end=inf&count=100",
        "clip?start=1&end=1",
        "clip?start=99999&end=999999",
        "why?q=",
        "regions?q=green&at=soon",
    ],
)
def test_wrong_moments_are_told_in_a_sentence(client: httpx.Client, part: str) -> None:
    answer = client.get(f"/api/videos/{best(client)['video']}/{part}")
    assert answer.status_code in (400, 422)
    assert len(answer.json()["error"]) > 10


def test_any_name_can_be_saved_under() -> None:
    header = attachment('ein "Film"\r\n é.mp4')
    assert "\n" not in header and header.isascii()
    assert header.endswith("ein%20%22Film%22%0D%0A%20%C3%A9.mp4")
