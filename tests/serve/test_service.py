"""The service, over a real connection to a real server."""

import json
import os
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from slta.serve.app import PAGE
from slta.serve.shelf import LONGEST
from tests.support.libraries import Library
from tests.support.servers import serving


def first(client: httpx.Client) -> dict[str, object]:
    answer = client.get("/api/search", params={"q": "red"}).json()
    moment: dict[str, object] = answer["moments"][0]
    return moment


def test_a_search_answers_as_the_command_does(
    client: httpx.Client, library: Library
) -> None:
    answer = client.get("/api/search", params={"q": "red", "top": 5})
    expected = library.open().search("red", top=5).to_json()
    value = answer.json()
    assert 0.5 < value.pop("clear_from") < 1
    for moment in value["moments"]:
        assert moment.pop("file") == Path(moment["path"]).name
        assert len(moment.pop("video")) == 64
    assert value == expected


def test_results_arrive_as_events(client: httpx.Client) -> None:
    with client.stream("GET", "/api/search/stream?q=red&top=40") as answer:
        lines = [line for line in answer.iter_lines() if line]
    events = [line.removeprefix("event: ") for line in lines[::2]]
    assert events[0] == "found" and events[-1] == "done"
    assert json.loads(lines[1].removeprefix("data: "))["query"] == "red"


def test_a_player_reads_any_part_of_a_file(
    client: httpx.Client, library: Library
) -> None:
    moment = first(client)
    whole = Path(str(moment["path"])).read_bytes()
    address = f"/api/videos/{moment['video']}/file"
    part = client.get(address, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert client.get(address).content == whole
    assert client.get(address, headers={"range": "bytes=9999999-"}).status_code == 416


def test_a_frame_is_a_picture_of_that_moment(client: httpx.Client) -> None:
    moment = first(client)
    start_s, end_s = float(str(moment["start_s"])), float(str(moment["end_s"]))
    answer = client.get(
        f"/api/videos/{moment['video']}/frame",
        params={"at": (start_s + end_s) / 2, "width": 100},
    )
    assert answer.headers["content-type"] == "image/jpeg"
    import io

    from PIL import Image

    picture = Image.open(io.BytesIO(answer.content)).convert("RGB")
    assert picture.width == 160
    red, green, blue = picture.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert red > 150 and max(green, blue) < 100


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/search", 400),
        ("/api/search?q=red&picture=1", 400),
        ("/api/search?picture=1", 404),
        ("/api/search?like=1", 400),
        ("/api/search?q=", 400),
        ("/api/search?q=%20", 400),
        ("/api/search?q=red&top=0", 422),
        ("/api/search?q=red&top=10001", 422),
        ("/api/search?q=" + "x" * (LONGEST + 1), 422),
        ("/api/search?q=red&within=nowhere/**", 400),
        ("/api/search?q=red&since=yesterday", 400),
        ("/api/search?q=red&longer=long", 400),
        ("/api/videos/none/file", 404),
        ("/api/videos/none/frame", 404),
        ("/api/nothing", 404),
        ("/nothing.html", 404),
    ],
)
def test_wrong_input_is_told_in_a_sentence(
    client: httpx.Client, address: str, status: int
) -> None:
    answer = client.get(address)
    assert answer.status_code == status
    sentence = answer.json()["error"]
    assert len(sentence) > 10 and "\n" not in sentence and "Traceback" not in sentence


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "..%2fsecret.txt",
        "..%252fsecret.txt",
        "%2e%2e/secret.txt",
        "....//secret.txt",
        "..\\secret.txt",
        "/etc/passwd",
        "%00",
        quote("．．／secret.txt"),
    ],
)
def test_nothing_but_the_videos_is_served(client: httpx.Client, path: str) -> None:
    for address in (f"/{path}", f"/api/videos/{path}", f"/api/videos/{path}/file"):
        answer = client.get(address)
        assert answer.status_code in (400, 404), address
        assert "not a video" not in answer.text


def test_a_video_that_became_a_link_to_elsewhere_is_not_served(
    client: httpx.Client, tmp_path: Path
) -> None:
    moment = first(client)
    path = Path(str(moment["path"]))
    (tmp_path / "other.mp4").write_text("elsewhere")
    path.unlink()
    path.symlink_to(tmp_path / "other.mp4")
    answer = client.get(f"/api/videos/{moment['video']}/file")
    assert answer.status_code == 404 and "elsewhere" not in answer.text


def test_a_file_that_cannot_be_decoded_does_no_harm(client: httpx.Client) -> None:
    moment = first(client)
    path = Path(str(moment["path"]))
    state, size = path.stat(), path.stat().st_size
    path.write_bytes((b"\x00\x00\x00\x18ftypmp42" + bytes(size))[:size])
    # As if it had not changed.
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    address = f"/api/videos/{moment['video']}"
    assert client.get(f"{address}/frame", params={"at": 0.9}).status_code == 400
    assert client.get(f"{address}/clip?start=0&end=1").status_code == 400
    assert client.get("/api/library").status_code == 200


def test_a_file_that_changed_is_not_taken_for_the_old_one(client: httpx.Client) -> None:
    moment = first(client)
    address = f"/api/videos/{moment['video']}/frame"
    assert client.get(address).status_code == 200
    Path(str(moment["path"])).write_bytes(b"another")
    answer = client.get(address)
    assert answer.status_code == 404
    assert "has changed since it was indexed" in answer.json()["error"]


def test_names_that_are_no_unicode_are_shown_as_far_as_they_are(
    library: Library,
) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    library.put(name)
    index = library.open()
    index.add()
    with serving(index) as address, httpx.Client(base_url=address) as client:
        (video,) = client.get("/api/videos").json()
        assert video["files"] == ["caf?.mp4"]
        moment = first(client)
        assert moment["file"] == "caf?.mp4"
        part = f"{moment['start_s']}-{moment['end_s']}"
        like = client.get(f"/api/search?like={video['video']}@{part}").json()
        assert like["query"].startswith("caf?.mp4") and like["moments"]
        clip = client.get(f"/api/videos/{video['video']}/clip?start=0&end=1")
        assert "caf%3F" in clip.headers["content-disposition"]
        Path(library.folder, name).write_bytes(b"another")
        gone = client.get(f"/api/videos/{video['video']}/file")
        assert "caf?.mp4 has changed" in gone.json()["error"]
        for address in ("/api/folder", "/api/jobs", "/api/library"):
            assert client.get(address).status_code == 200


def test_the_page_and_all_it_needs_are_small(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assets = [client.get(f"/{file.name}") for file in PAGE.iterdir()]
    assert all(asset.status_code == 200 for asset in assets)
    assert sum(len(asset.content) for asset in assets) < 150_000
    assert all(f'"{asset}"' in page.text for asset in ("base.css", "page.js"))
    assert "http://" not in page.text and "https://" not in page.text
