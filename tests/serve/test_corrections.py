"""Corrections are kept: by what they are about, for several people, through crashes."""

import itertools
import json
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from slta.serve import corrections
from slta.serve.corrections import Corrections, database
from slta.serve.kept import kept_folder
from tests.support.libraries import NAMES, Library
from tests.support.servers import ServerProcess, answer_of, asking


@pytest.fixture
def client(library: Library) -> Iterator[httpx.Client]:
    with asking(library.added(3)) as client:
        yield client


def moments(client: httpx.Client, query: str = "red") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(
        "/api/search", params={"q": query, "top": 5}
    ).json()["moments"]
    return found


def body(moment: dict[str, Any], query: str = "red", **other: Any) -> dict[str, Any]:
    start_s, end_s = moment["start_s"], moment["end_s"]
    return {
        "video": moment["video"],
        "query": query,
        "found_start_s": start_s,
        "found_end_s": end_s,
        "start_s": start_s,
        "end_s": end_s,
        "verdict": "accepted",
        "note": "",
        **other,
    }


def test_a_correction_is_kept_by_the_moment_that_was_found(
    client: httpx.Client,
) -> None:
    moment = moments(client)[0]
    first = client.put("/api/corrections", json=body(moment, note="a <b>note</b>\n"))
    one: Any = answer_of(first)
    assert one["file"] == moment["file"] and one["note"] == "a <b>note</b>\n"
    second = client.put(
        "/api/corrections", json=body(moment, start_s=0.25, verdict="rejected")
    )
    other: Any = answer_of(second)
    assert other["id"] == one["id"] and other["changed_s"] > one["changed_s"]
    assert (other["start_s"], other["verdict"], other["note"]) == (0.25, "rejected", "")
    assert answer_of(client.get("/api/corrections")) == [other]


def test_they_are_listed_by_video_and_query(client: httpx.Client) -> None:
    found = moments(client)
    for moment, query in itertools.product(
        found[:2], ("red", "Red ", "日本 \u2028 🦊")
    ):
        answer_of(client.put("/api/corrections", json=body(moment, query)))
    video = found[0]["video"]
    for params, count in (
        ({}, 6),
        ({"video": video}, 3),
        ({"q": "red"}, 2),
        ({"video": video, "q": "日本 \u2028 🦊"}, 1),
        ({"q": "blue"}, 0),
        ({"top": 4}, 4),
    ):
        listed: Any = answer_of(client.get("/api/corrections", params=params))
        assert len(listed) == count, params
    changed = [row["changed_s"] for row in client.get("/api/corrections").json()]
    assert changed == sorted(changed, reverse=True)


def test_a_removed_one_is_gone_and_its_number_is_not_used_again(
    client: httpx.Client,
) -> None:
    moment = moments(client)[0]
    one = client.put("/api/corrections", json=body(moment)).json()
    address = f"/api/corrections/{one['id']}"
    removed = client.delete(address)
    assert (removed.status_code, removed.content) == (204, b"")
    assert "no correction" in client.delete(address).json()["error"]
    assert client.put("/api/corrections", json=body(moment)).json()["id"] != one["id"]


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"video": "../../etc/passwd"}, 422, "video"),
    ({"video": "0" * 64}, 404, "not in the folder"),
    ({"query": ""}, 422, "query"),
    ({"query": "x" * 501}, 422, "500"),
    ({"query": "\ud800"}, 422, "query"),
    ({"note": "x" * 5001}, 422, "5000"),
    ({"note": None}, 422, "note"),
    ({"verdict": "maybe"}, 422, "accepted"),
    ({"start_s": -0.1}, 422, "start_s"),
    ({"start_s": float("nan")}, 422, "start_s"),
    ({"end_s": float("inf")}, 422, "end_s"),
    ({"end_s": "2"}, 422, "end_s"),
    ({"end_s": 10**400}, 422, "end_s"),
    ({"start_s": 2.0, "end_s": 1.0}, 400, "start_s must be before end_s, got 2 and 1"),
    ({"start_s": 1.0, "end_s": 1.0001}, 400, "before end_s"),
    ({"end_s": 6.7}, 400, "lasts 6 s"),
    ({"found_end_s": 1e300}, 400, "found_end_s"),
]


def test_what_cannot_be_is_told_in_a_sentence(client: httpx.Client) -> None:
    moment = moments(client)[0]
    kind = {"content-type": "application/json"}
    for wrong, status, part in WRONG:
        sent = json.dumps(body(moment, **wrong))
        answer = client.put("/api/corrections", content=sent, headers=kind)
        assert answer.status_code == status, (wrong, answer.text)
        sentence = answer.json()["error"]
        assert part in sentence and "\n" not in sentence
    assert client.get("/api/corrections").json() == []


def test_a_moment_may_end_half_a_second_after_its_video(client: httpx.Client) -> None:
    moment = moments(client)[0]
    answer_of(client.put("/api/corrections", json=body(moment, end_s=6.4)))


def test_they_follow_a_video_that_is_renamed_and_outlive_its_index(
    library: Library,
) -> None:
    with asking(library.added(2)) as client:
        kept = [
            client.put("/api/corrections", json=body(moment)).json()
            for moment in {m["video"]: m for m in moments(client)}.values()
        ]
    (library.folder / "new").mkdir()
    (library.folder / kept[0]["file"]).rename(library.folder / "new" / "name.mp4")
    (library.folder / kept[1]["file"]).unlink()
    # The index is made anew, elsewhere.
    library.place = library.place.with_name("other")
    index = library.open()
    index.add()
    with asking(index) as client:
        listed = {row["id"]: row for row in client.get("/api/corrections").json()}
        assert listed[kept[0]["id"]] == {**kept[0], "file": "new/name.mp4"}
        assert listed[kept[1]["id"]] == kept[1]
        # What is said of a video that is gone can be changed, but no other is known.
        gone = {
            k: v for k, v in kept[1].items() if k not in ("id", "file", "changed_s")
        }
        answer_of(client.put("/api/corrections", json={**gone, "verdict": "rejected"}))


def test_several_browsers_at_once_lose_nothing(client: httpx.Client) -> None:
    moment = moments(client)[0]
    barrier = threading.Barrier(8)

    def browse(number: int) -> list[int]:
        barrier.wait()
        made = []
        with httpx.Client(base_url=client.base_url, timeout=60) as own:
            for turn in range(6):
                sent = body(moment, f"query {number} {turn}")
                made.append(own.put("/api/corrections", json=sent).json()["id"])
                own.put("/api/corrections", json=body(moment, "all", note=str(number)))
        return made

    with ThreadPoolExecutor(8) as pool:
        ids = [*itertools.chain(*pool.map(browse, range(8)))]
    assert len(set(ids)) == 48
    listed = client.get("/api/corrections").json()
    assert {row["id"] for row in listed if row["query"] != "all"} == {*ids}
    assert len(listed) == 49


def test_a_server_that_is_killed_has_kept_what_it_answered(
    library: Library, tmp_path: Path
) -> None:
    library.added(2)
    answered = set[str]()
    for kill in range(3):
        server = ServerProcess(library, tmp_path / "errors")
        timer = threading.Timer(0.3 + 0.2 * kill, server.process.kill)
        with httpx.Client(base_url=server.address, timeout=30) as client:
            moment = moments(client)[0]
            timer.start()
            with pytest.raises(httpx.TransportError):
                for turn in itertools.count():
                    query = f"{kill} {turn}"
                    sent = body(moment, query)
                    if client.put("/api/corrections", json=sent).is_success:
                        answered.add(query)
        server.kill()
    with asking(library.open()) as client:
        listed = client.get("/api/corrections").json()
        kept = {row["query"] for row in listed}
        whole = sqlite3.connect(kept_folder(library.folder) / "corrections.sqlite")
    assert len(answered) > 5 and answered <= kept
    assert whole.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    whole.close()


def test_there_is_an_end_to_how_many_are_kept(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections, "MOST", 2)
    moment = moments(client)[0]
    for query in ("a", "b", "b"):
        answer_of(client.put("/api/corrections", json=body(moment, query)))
    refused = client.put("/api/corrections", json=body(moment, "c"))
    assert refused.status_code == 400 and "delete some" in refused.json()["error"]


def test_a_file_of_a_newer_version_is_left_as_it_is(library: Library) -> None:
    index = library.added(1)
    kept = database(index.root)
    with kept.open(to_write=True) as connection:
        connection.execute("PRAGMA user_version = 9")
    with asking(index) as client:
        refused = client.get("/api/corrections")
    assert refused.status_code == 400 and "has version 9" in refused.json()["error"]
    with sqlite3.connect(kept.path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (9,)
    connection.close()


def test_a_file_that_is_no_database_is_told(library: Library) -> None:
    index = library.added(1)
    path = kept_folder(index.root) / "corrections.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"something else" * 100)
    with asking(index) as client:
        refused = client.get("/api/corrections")
    assert refused.status_code == 507 and "move it away" in refused.json()["error"]
    assert path.read_bytes() == b"something else" * 100


def test_two_folders_have_corrections_of_their_own(
    library: Library, tmp_path: Path
) -> None:
    index = library.added(1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / NAMES[0]).symlink_to(library.folder / NAMES[0])
    library.place = library.place.with_name("second")
    other = library.open(tmp_path / "other")
    other.add()
    with asking(index) as client:
        client.put("/api/corrections", json=body(moments(client)[0]))
    assert len(Corrections(index).all()) == 1
    assert Corrections(other).all() == []
