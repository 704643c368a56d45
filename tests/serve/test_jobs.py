"""Indexing jobs: in a process that may end at any file, and that a restart goes on with."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from slta.index.adding import Added
from slta.index.place import Place
from slta.serve import jobs as served
from slta.serve.jobs import IndexJob, Jobs, TooManyJobs, UnknownJob
from tests.support.colour_indexing import COMMAND
from tests.support.libraries import NAMES, Library, paths
from tests.support.servers import indexing_server, serving

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def working(library: Library, **options: Any) -> Iterator[Jobs]:
    index = library.open()
    index.begin()
    jobs = Jobs(index, command=COMMAND, **{"grace_s": 3.0, **options})
    jobs.start()
    try:
        yield jobs
    finally:
        jobs.close()


def wait_for(condition: Callable[[], Any], timeout_s: float = 60) -> None:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < timeout_s, "it takes too long"
        time.sleep(0.02)


def ended(jobs: Jobs, job: IndexJob) -> IndexJob:
    wait_for(lambda: not job.is_open)
    return job


def test_a_job_indexes_what_is_new_and_says_what_it_did(library: Library) -> None:
    library.fill(2)
    library.put("copy.mp4", 0)
    (library.folder / "bad.mp4").write_text("no film")
    told = list[tuple[IndexJob, Added]]()
    with working(library, ended=lambda *of: told.append(of)) as jobs:
        job = ended(jobs, jobs.add(""))
        wait_for(lambda: told)
        assert (job.state, job.error, job.videos) == ("done", None, 2)
        assert [*job.problems] == ["bad.mp4"]
        assert job.done_s == job.all_s == pytest.approx(18)
        # Whoever serves the folder sees them at once.
        assert len(jobs._index.snapshot().videos) == 2
    assert told[0][0] is job
    assert (told[0][1].videos, told[0][1].known) == (2, 1)


def test_a_folder_alone_can_be_indexed(library: Library) -> None:
    library.put("here/a.mp4", 0)
    library.put("there/b.mp4", 1)
    with working(library) as jobs:
        assert ended(jobs, jobs.add("here")).videos == 1
    assert paths(library.open().snapshot()) == {"here/a.mp4"}


@pytest.mark.parametrize(
    ("name", "why"), [("crash", "twice .SIGSEGV"), ("hang", "did not go on for")]
)
def test_a_hostile_file_is_noted_and_the_others_are_indexed(
    library: Library, name: str, why: str
) -> None:
    library.fill(2)
    library.put(f"{name}.mp4", 2)
    library.put("zebra.mp4", 3)
    with working(library, patience_s=6.0 if name == "hang" else 60.0) as jobs:
        job = ended(jobs, jobs.add(""))
        assert (job.state, job.videos) == ("done", 3)
        assert [*job.problems] == [f"{name}.mp4"]
        # It is not opened again.
        again = ended(jobs, jobs.add(""))
        assert (again.state, again.videos, again.problems) == ("done", 0, {})
    problems = library.open().status().problems
    assert [*problems] == [f"{name}.mp4"]
    assert re.search(why, problems[f"{name}.mp4"])


def test_a_file_that_asks_for_all_memory_does_not_get_it(library: Library) -> None:
    library.fill(1)
    library.put("eats.mp4", 1)
    with working(library) as jobs:
        job = ended(jobs, jobs.add(""))
    assert (job.state, job.videos) == ("done", 1)
    assert "Unable to allocate 16.0 GiB" in job.problems["eats.mp4"]
    # Another time there may be enough.
    assert library.open().status().problems == {}


def test_when_every_file_ends_the_process_the_files_are_not_to_blame(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "MOST_LOST", 1)
    for number in range(3):
        library.put(f"crash{number}.mp4", number)
    with working(library) as jobs:
        job = ended(jobs, jobs.add(""))
    assert job.state == "failed" and "in a row" in (job.error or "")


def test_a_cancelled_job_keeps_what_it_has_finished(library: Library) -> None:
    library.fill(1)
    with working(library) as jobs:
        ended(jobs, jobs.add(""))
        library.put("a.mp4", 1)
        for number in range(20):
            library.put(f"slow{number}.mp4", 2)
        job, later = jobs.add(""), jobs.add("later")
        wait_for(lambda: job.file.startswith("slow"))
        assert jobs.cancel(later.id).state == "cancelled"
        start = time.monotonic()
        assert jobs.cancel(job.id) is job and job.state == "cancelled"
        assert time.monotonic() - start < 10 and job.ended_s is not None
        # An ended one stays as it is.
        assert jobs.cancel(job.id).state == "cancelled"
        with pytest.raises(UnknownJob):
            jobs.cancel("none")
    assert paths(library.open().snapshot()) == {NAMES[0]}


def test_a_process_that_does_not_heed_is_killed(library: Library) -> None:
    library.put("hang.mp4", 1)
    with working(library, grace_s=1.0) as jobs:
        job = jobs.add("")
        wait_for(lambda: job.file == "hang.mp4")
        assert jobs.cancel(job.id).state == "cancelled"
        library.folder.joinpath("hang.mp4").unlink()
        library.fill(1)
        assert ended(jobs, jobs.add("")).state == "done"


def test_while_another_process_indexes_the_job_waits_and_says_so(
    library: Library,
) -> None:
    library.fill(1)
    with working(library) as jobs:
        with Place(library.place).locked() as mine:
            assert mine
            job = jobs.add("")
            wait_for(lambda: job.error)
            assert "another process" in (job.error or "") and job.is_open
        assert ended(jobs, job).state == "done" and job.error is None
    with (
        working(library, busy_s=0.0) as jobs,
        Place(library.place).locked(),
    ):
        job = ended(jobs, jobs.add(""))
        assert job.state == "failed" and "another process" in (job.error or "")


def test_the_queue_has_an_end_and_each_folder_waits_once(library: Library) -> None:
    library.fill(1)
    index = library.open()
    jobs = Jobs(index, command=COMMAND)
    made = [jobs.add(f"f{number}") for number in range(served.MOST_WAITING)]
    assert len({job.id for job in made}) == served.MOST_WAITING
    assert jobs.add("f3") is made[3]
    with pytest.raises(TooManyJobs, match="cancel one"):
        jobs.add("one more")
    assert jobs.add("uploads", is_needed=True).is_open
    listed = jobs.listed()
    assert listed[0]["folder"] == "uploads" and listed[-1]["id"] == made[0].id


def test_ended_jobs_are_kept_up_to_a_number(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "KEPT", 3)
    library.fill(1)
    index = library.open()
    jobs = Jobs(index, command=COMMAND)
    made = [jobs.add(f"f{number}") for number in range(5)]
    for job in made:
        jobs.cancel(job.id)
    waiting = jobs.add("waits")
    again = Jobs(index, command=COMMAND)
    assert {j.id for j in again._read()} == {j.id for j in (*made[2:], waiting)}


def test_what_is_kept_damaged_is_left_out(library: Library) -> None:
    library.fill(1)
    jobs = Jobs(library.open(), command=COMMAND)
    kept = jobs.add("")
    with jobs._kept.open() as database:
        for name, record in (("a", "{"), ("b", "[]"), ("c", "{}"), ("d", "null")):
            database.execute("INSERT INTO jobs VALUES (?, 0, ?)", (name, record))
    assert [job.id for job in jobs._read()] == [kept.id]


def _children(pid: int) -> list[int]:
    return [
        int(text)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for text in path.read_text().split()
    ]


def test_a_killed_server_goes_on_with_its_job_and_leaves_no_process(
    library: Library, unused_port: int
) -> None:
    library.fill(2)
    library.put("earlier/a.mp4", 5)
    for number in range(3):
        library.put(f"slow{number}.mp4", number + 2)
    address = f"http://127.0.0.1:{unused_port}/api/jobs"
    with indexing_server(library, unused_port) as process:
        first = httpx.post(address, json={"folder": "earlier"}).json()
        wait_for(lambda: httpx.get(address).json()[0]["state"] == "done")
        job = httpx.post(address, json={"folder": ""}).json()
        assert job["state"] in ("waiting", "running")
        wait_for(lambda: httpx.get(address).json()[0]["file"].startswith("slow"))
        children = _children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_for(lambda: not any(map(_is_alive, children)), 30)
    with indexing_server(library, unused_port):
        listed = httpx.get(address).json()
        assert [each["id"] for each in listed] == [job["id"], first["id"]]
        wait_for(lambda: httpx.get(address).json()[0]["state"] == "done")
        assert httpx.get(address).json()[1]["state"] == "done"
    index = library.open()
    assert len(index.snapshot().videos) == 6 and index.verify().faults == ()


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture
def address(library: Library) -> Iterator[str]:
    library.fill(1)
    library.put("trips/2024/a.mp4", 1)
    (library.folder / "trips" / "bad.mp4").write_text("no film")
    index = library.open()
    index.begin()
    with serving(index, Jobs(index, command=COMMAND)) as address:
        yield address


def test_jobs_are_streamed_as_they_change(address: str) -> None:
    states = list[str]()
    with httpx.stream("GET", f"{address}/api/jobs/stream", timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: jobs" and next(lines) == "data: []"
        made = httpx.post(f"{address}/api/jobs", json={})
        assert made.status_code == 202
        for line in lines:
            if line.startswith("data: "):
                (job,) = json.loads(line.removeprefix("data: "))
                assert job["id"] == made.json()["id"]
                states.append(job["state"])
                if job["state"] == "done":
                    break
    assert states[-1] == "done" and len(states) >= 2
    (problem,) = job["problems"]
    assert (job["videos"], problem["file"]) == (2, "trips/bad.mp4")
    # Where the folder lies is nobody's business.
    assert problem["why"].startswith("trips/bad.mp4 is not a video")
    assert {*job} >= {"done_s", "all_s", "rate", "left_s", "made_s", "ended_s"}


def test_open_streams_have_a_bound(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slta.serve.updating.MOST_STREAMS", 1)
    with httpx.stream("GET", f"{address}/api/jobs/stream") as stream:
        lines = stream.iter_lines()
        next(lines)
        answer = httpx.get(f"{address}/api/jobs/stream")
        assert answer.status_code == 503 and "streams" in answer.json()["error"]

    def is_free() -> bool:
        with httpx.stream("GET", f"{address}/api/jobs/stream") as stream:
            return stream.status_code == 200

    wait_for(is_free, 10)


def test_a_folder_says_what_is_new_in_it(address: str, library: Library) -> None:
    def folder(path: str) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(
            f"{address}/api/folder", params={"path": path}
        ).json()
        return answer

    (library.folder / ".hidden").mkdir()
    (library.folder / "away").symlink_to(library.place)
    top = folder("")
    assert top["folders"] == [{"path": "trips", "name": "trips"}]
    assert top["videos"] == {"indexed": 0, "new": 3, "unusable": 0}
    job = httpx.post(f"{address}/api/jobs", json={"folder": "trips/"}).json()
    assert job["folder"] == "trips"
    wait_for(lambda: httpx.get(f"{address}/api/jobs").json()[0]["state"] == "done")
    trips = folder("trips")
    assert trips["videos"] == {"indexed": 1, "new": 0, "unusable": 1}
    assert [each["file"] for each in trips["unusable"]] == ["trips/bad.mp4"]
    assert trips["folders"] == [{"path": "trips/2024", "name": "2024"}]
    assert folder("")["videos"] == {"indexed": 1, "new": 1, "unusable": 1}


@pytest.mark.parametrize(
    "path",
    [
        *("..", "../films", "trips/..", "trips/../..", "/etc", "away", "away/features"),
        *(".hidden", "nowhere", "a\0b", "x" * 3000, "trips/bad.mp4", "~$x", "\\..\\"),
    ],
)
def test_no_other_folder_is_listed_or_indexed(
    address: str, library: Library, path: str
) -> None:
    (library.folder / ".hidden").mkdir()
    (library.folder / "away").symlink_to(library.place)
    for answer in (
        httpx.get(f"{address}/api/folder", params={"path": path}),
        httpx.post(f"{address}/api/jobs", json={"folder": path}),
    ):
        assert answer.status_code == 404
        assert "there is no folder" in answer.json()["error"]


def test_a_quiet_stream_shows_that_it_lives(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slta.serve.updating.HEARTBEAT_S", 0.1)
    with httpx.stream("GET", f"{address}/api/jobs/stream") as stream:
        lines = [line for line, _ in zip(stream.iter_lines(), range(4), strict=False)]
    assert lines == ["event: jobs", "data: []", "", ": still here"]


def test_a_damaged_record_of_jobs_does_not_keep_the_server_from_starting(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    library.fill(1)
    index = library.open()
    index.begin()
    jobs = Jobs(index, command=COMMAND)
    jobs._kept.path.parent.mkdir(parents=True, exist_ok=True)
    jobs._kept.path.write_bytes(b"no database" * 1000)
    jobs.start()
    jobs.close()
    assert "jobs.sqlite cannot be used" in caplog.text


def test_wrong_jobs_are_told_in_a_sentence(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "MOST_WAITING", 0)
    client = httpx.Client(base_url=address)
    for answer, status in (
        (client.post("/api/jobs", json={}), 429),
        (client.post("/api/jobs", json={"folder": 3}), 422),
        (client.post("/api/jobs", json={"folder": "x" * 5000}), 422),
        (client.post("/api/jobs", content=b"{"), 422),
        (client.delete("/api/jobs/none"), 404),
    ):
        assert answer.status_code == status and len(answer.json()["error"]) > 10
    client.close()
