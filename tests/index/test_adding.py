"""An index follows its folder, whatever happens there."""

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from slta import InputError, video
from slta.index import adding
from slta.index.adding import Hours, VideoJob
from slta.index.looking import content_of
from tests.support.extractors import Colours, coloured
from tests.support.libraries import NAMES, Counted, Library, facts, paths


def never(*_: object, **__: object) -> None:
    raise AssertionError("nothing is to be read")


def test_the_same_folder_again_reads_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = library.added(3)
    monkeypatch.setattr(adding, "content_of", never)
    monkeypatch.setattr(video, "probe", never)
    added = library.open().add()
    assert (added.videos, added.known, added.unchanged) == (0, 0, 3)
    assert index.snapshot().is_whole


@pytest.mark.parametrize(
    ("old", "new"),
    [("a.mp4", "b.mp4"), ("a.mp4", "A.MP4"), ("a.mp4", "deep/er/a.mp4")],
)
def test_a_moved_file_is_not_looked_at_again(
    library: Library, old: str, new: str
) -> None:
    path, index, counted = library.put(old), library.open(), Counted()
    index.add()
    (library.folder / new).parent.mkdir(parents=True, exist_ok=True)
    path.rename(library.folder / new)
    added = index.add(looks=counted.on(index))
    assert (added.known, added.gone, counted.jobs) == (1, [old], {})
    (hit, *_) = index.search("red").moments
    assert hit.paths == (library.folder / new,)


def test_a_changed_file_is_looked_at_again_even_with_its_size_and_time(
    library: Library,
) -> None:
    path = library.put("a.mp4", 0)
    index = library.open()
    index.add()
    before, other = path.stat(), (library.put("b.mp4", 1)).read_bytes()
    (library.folder / "b.mp4").unlink()
    size = max(before.st_size, len(other))
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    index.add()
    replaced = library.folder / "new.tmp"
    replaced.write_bytes(other.ljust(size, b"\0"))
    os.utime(replaced, ns=(before.st_atime_ns, before.st_mtime_ns))
    replaced.replace(path)
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (size, before.st_mtime_ns)
    assert index.add().videos == 1
    assert index.snapshot().there[0].video == content_of(path)


def test_an_old_path_with_new_content_and_its_old_content_elsewhere(
    library: Library,
) -> None:
    path, index, counted = library.put("a.mp4", 0), library.open(), Counted()
    index.add()
    path.rename(library.folder / "moved.mp4")
    library.put("a.mp4", 1)
    added = index.add(looks=counted.on(index))
    assert (added.known, added.gone, counted.jobs) == (1, [], {"a.mp4": 1})
    videos = {file.path: file.video for file in index.snapshot().there}
    assert videos == {
        name: content_of(library.folder / name) for name in ("a.mp4", "moved.mp4")
    }


def test_a_time_set_back_is_a_change(library: Library) -> None:
    path = library.put("a.mp4")
    index = library.open()
    index.add()
    os.utime(path, (1, 1))
    added = index.add()
    assert (added.known, added.unchanged) == (1, 0)
    assert index.snapshot().there[0].state.mtime_ns == 10**9


def test_duplicates_are_answered_once_whichever_is_deleted(library: Library) -> None:
    names = ["a.mp4", "b/a.mp4", "c.mp4"]
    for name in names:
        library.put(name)
    index, counted = library.open(), Counted()
    added = index.add(looks=counted.on(index))
    assert (added.videos, added.known) == (1, 2) and counted.jobs.total() == 1
    hits = index.search("red")
    assert {hit.paths for hit in hits.moments} == {
        tuple(library.folder / name for name in names)
    }
    for gone in (0, 1):
        (library.folder / names[gone]).unlink()
        index.add()
        left = {hit.paths for hit in index.search("red").moments}
        assert left == {tuple(library.folder / name for name in names[gone + 1 :])}
    assert index.prune() == (2, 0)


def test_deleted_files_are_marked_and_pruned_on_request(library: Library) -> None:
    index = library.added(3)
    (library.folder / NAMES[1]).unlink()
    assert index.add().gone == [NAMES[1]]
    assert index.add().gone == []
    assert len(index.snapshot().videos) == 3
    assert all(NAMES[1] not in str(hit.path) for hit in index.search("red").moments)
    assert index.prune() == (1, 1)
    assert index.prune() == (0, 0)
    assert paths(index.snapshot()) == {NAMES[0], NAMES[2]}
    assert len([*(library.place / "features").iterdir()]) == 2
    assert index.verify().faults == ()


def test_a_folder_that_comes_back_is_not_read_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("here.mp4", 0)
    library.put("disk/there.mp4", 1)
    index = library.open()
    index.add()
    (library.folder / "disk").rename(library.folder.parent / "away")
    assert index.add().gone == ["disk/there.mp4"]
    (library.folder.parent / "away").rename(library.folder / "disk")
    monkeypatch.setattr(adding, "content_of", never)
    added = index.add()
    assert (added.back, added.known, added.gone) == (1, 0, [])
    assert paths(index.snapshot()) == {"here.mp4", "disk/there.mp4"}


def test_an_empty_folder_is_taken_for_an_unmounted_disk(library: Library) -> None:
    index = library.added(2)
    before = facts(index)
    library.folder.rename(library.folder.parent / "away")
    for act in (index.add, index.prune):
        with pytest.raises(InputError, match="does not exist"):
            act()
        library.folder.mkdir()
        with pytest.raises(
            InputError, match="no videos now, but 2 were indexed; mount"
        ):
            act()
        assert facts(library.open()) == before
        library.folder.rmdir()


def test_a_file_that_grows_while_it_is_read_is_read_again(library: Library) -> None:
    library.put("still.mp4", 0)
    path = library.put("grows.mp4", 1)

    def grow(job: VideoJob) -> None:
        if job.path == path:
            with path.open("ab") as file:
                file.write(bytes(8))

    index, counted = library.open(), Counted(grow)
    added = index.add(looks=counted.on(index))
    assert added.videos == 1 and "changed while" in added.problems["grows.mp4"]
    assert paths(index.snapshot()) == {"still.mp4"}
    assert index.add().videos == 1
    assert {f.path: f.video for f in index.snapshot().there}["grows.mp4"] == content_of(
        path
    )


def test_a_file_replaced_between_hash_and_look_gives_no_wrong_answer(
    library: Library,
) -> None:
    path = library.put("a.mp4", 0)
    first = content_of(path)
    other = library.put("../other.mp4", 1)
    index, counted = library.open(), Counted(lambda _: other.replace(path))
    added = index.add(looks=counted.on(index))
    assert "changed while" in added.problems["a.mp4"]
    assert index.snapshot().videos == []
    index.add()
    (file,) = index.snapshot().there
    assert file.video == content_of(path) != first


def test_a_known_file_that_fails_now_is_not_found_by_its_old_content(
    library: Library,
) -> None:
    path = library.put("a.mp4", 0)
    library.put("b.mp4", 1)
    index = library.open()
    index.add()
    library.put("a.mp4", 2)
    counted = Counted(lambda _: path.write_bytes(path.read_bytes() + b"\0"))
    index.add(looks=counted.on(index))
    assert paths(index.snapshot()) == {"b.mp4"}
    assert index.add().videos == 1


def test_bad_files_are_listed_and_do_not_stop_the_rest(library: Library) -> None:
    library.fill(2)
    (library.folder / "empty.mp4").touch()
    (library.folder / "text.mp4").write_text("not a film")
    cut = library.put("cut.mp4")
    cut.write_bytes(cut.read_bytes()[:700])
    index = library.open()
    added = index.add()
    assert added.videos == 2
    assert {name: why.split(" ", 1)[1][:8] for name, why in added.problems.items()} == {
        "empty.mp4": "is empty",
        "text.mp4": "is not a",
        "cut.mp4": "has no i",
    }
    assert index.add().problems == {}
    assert set(index.status().problems) == {"empty.mp4", "text.mp4", "cut.mp4"}
    library.put("empty.mp4", 3)
    assert index.add().videos == 1
    assert set(index.status().problems) == {"text.mp4", "cut.mp4"}


def test_an_error_of_the_program_stops_no_other_video_and_is_tried_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.fill(3)
    usual = Colours.video

    def fails(self: Colours, frames: video.Frames) -> object:
        # The last three pixels of its first picture are those of a blue film.
        if frames.images[0, -1, -1, 2] > 200:
            raise ZeroDivisionError("a fault\nof two lines")
        return usual(self, frames)

    first = [name for name in NAMES[:3] if name.startswith("blue")]
    assert first == []
    blue = library.put("blue.mp4", 4)
    monkeypatch.setattr(Colours, "video", fails)
    index = library.open()
    added = index.add()
    assert added.videos == 3
    assert added.problems == {
        "blue.mp4": f"{blue} stopped the program (ZeroDivisionError: a fault of two "
        "lines); please report it"
    }
    monkeypatch.setattr(Colours, "video", usual)
    assert index.add().videos == 1


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_second_start_goes_on_where_ctrl_c_stopped(
    library: Library, after: int
) -> None:
    library.fill(3)

    def stop(job: VideoJob) -> None:
        if counted.jobs.total() > after:
            raise KeyboardInterrupt

    index, counted = library.open(), Counted(stop)
    with pytest.raises(KeyboardInterrupt):
        index.add(looks=counted.on(index))
    assert len(index.snapshot().videos) == after
    assert library.open().add().videos == 3 - after
    assert index.verify().faults == ()


NFC = unicodedata.normalize("NFC", "café.mp4")
NFD = unicodedata.normalize("NFD", "café.mp4")
ODD = [
    NFC,
    NFD,
    "two\nlines.mp4",
    "\x1b[31mred\x07.mp4",
    'it\'s "quoted" \\ 100%_.mp4',
    '"json.mp4',
    os.fsdecode(b"caf\xe9.mp4"),
    os.fsdecode(b"bad\xff") + "/empty.mp4",
    "日本語/🎬.mp4",
    "-rf.mp4",
    " .mp4",
]


def test_any_name_is_indexed_found_and_forgotten(library: Library) -> None:
    for name in ODD:
        library.put(name)
    bad = library.put(os.fsdecode(b"\xfe\xff.mp4"))
    bad.write_bytes(b"")
    index = library.open()
    added = index.add()
    assert (added.videos, added.known) == (1, len(ODD) - 1)
    assert paths(index.snapshot()) == {*ODD, bad.name}
    assert library.open().add().unchanged == len(ODD) + 1
    (hit, *_) = index.search("red").moments
    assert set(hit.paths) == {library.folder / name for name in ODD}
    for name in ODD[:-1]:
        (library.folder / name).unlink()
    assert index.prune() == (len(ODD) - 1, 0)
    assert paths(library.open().snapshot()) == {ODD[-1], bad.name}


def test_progress_grows_to_all_hours(library: Library) -> None:
    library.fill(3)
    library.put("copy.mp4", 0)
    (library.folder / "bad.mp4").touch()
    told = list[tuple[float, float, str]]()
    library.open().add(bar=lambda *now: told.append(now))
    totals = [total for _, total, _ in told]
    assert totals == sorted(totals)
    assert totals[-1] == pytest.approx(4 * 6)
    looking = [now for now in told if now[1] == totals[-1]]
    done = [each for each, _, _ in looking]
    assert done == sorted(done) and done[-1] == pytest.approx(totals[-1])
    names = [name for _, _, name in told]
    assert {*names} == {"", *NAMES[:3], "copy.mp4", "bad.mp4"} and names[-1] == ""


def test_progress_of_many_files_costs_no_more_a_file() -> None:
    reads = 0

    class Lengths(dict[str, float]):
        def values(self) -> "object":  # type: ignore[override]
            raise AssertionError("all lengths are added again")

    def bar(*_: object) -> None:
        nonlocal reads
        reads += 1

    hours = Hours(bar)
    hours._lengths_s, hours._done_s = Lengths(), Lengths()
    for i in range(100):
        hours.expect(str(i), 2.0)
    for i in range(100):
        hours.reach(str(i), 1.0)
        hours.reach(str(i), 9.0)  # no more than its length
    assert reads == 300 and (hours._sum_s, hours._all_s) == (200, 200)


def test_the_features_of_the_store_are_used(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.store = tmp_path / "store"
    library.fill(1)
    index = library.open()
    index.searcher.index(library.folder / NAMES[0])
    monkeypatch.setattr(Colours, "watch", never)
    assert index.add().videos == 1


def test_keep_puts_the_full_features_into_the_store(
    library: Library, tmp_path: Path
) -> None:
    library.store = tmp_path / "store"
    library.fill(1)
    index = library.open()
    index.add(keep=True)
    assert index.model.library.has(library.folder / NAMES[0])


Change = Callable[[Library], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda library: shutil.rmtree(library.folder / "sub"),
        lambda library: library.put("sub/new.mp4", 4),
        lambda library: (library.folder / "sub").rename(library.folder / "other"),
        lambda library: (library.folder / "sub" / "link.mp4").symlink_to(
            library.folder / NAMES[0]
        ),
        lambda library: coloured(library.folder / NAMES[0], order="blue blue"),
    ],
    ids=["removed", "added", "renamed", "linked", "changed"],
)
def test_an_index_that_was_kept_up_is_as_one_made_anew(
    library: Library, change: Change
) -> None:
    library.fill(2)
    library.put("sub/a.mp4", 2)
    library.put("sub/b.mp4", 3)
    index = library.open()
    index.add()
    change(library)
    index.prune()
    kept = facts(index)
    shutil.rmtree(library.place)
    anew = library.open()
    anew.add()
    assert facts(anew) == kept
