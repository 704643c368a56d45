"""The index of a folder, however the folder is named and whoever else uses it."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from slta import InputError
from slta.index import tables
from slta.index.filters import Filter
from slta.index.library import Busy, Index
from slta.index.place import Place, default_place
from slta.index.tables import SNAPSHOT, Tables, read_head, write_head
from tests.support.libraries import NAMES, Counted, Library, facts, paths


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without networks, which the colours do not need."""
    monkeypatch.setenv("SLTA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def opened(library: Library, folder: "Path | str | None" = None) -> Index:
    """With the index where it is by default."""
    return Index.open(
        library.folder if folder is None else folder,
        extractor_name="colours",
        store=library.store,
    )


def test_a_folder_has_one_index_however_it_is_named(
    library: Library, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.fill(1)
    index = opened(library)
    index.add()
    link = library.folder.parent / "link"
    link.symlink_to(library.folder)
    (library.folder / "sub").mkdir()
    monkeypatch.chdir(library.folder.parent)
    for name in (
        "films",
        "films/",
        "./films",
        "link",
        f"{link}/",
        "films/sub/..",
        "films/../films//.",
    ):
        again = opened(library, name)
        assert (again.root, str(again.place)) == (index.root, str(index.place))
        assert again.add().unchanged == 1


def test_folders_of_one_name_have_their_own_indexes(
    library: Library, home: Path
) -> None:
    indexes = []
    for number, parent in enumerate(("a", "b")):
        library.put(f"{parent}/films/x.mp4", number)
        indexes.append(opened(library, library.folder / parent / "films"))
        indexes[-1].add()
    one, two = (index.snapshot().videos[0].id for index in indexes)
    assert one != two
    assert len([*(home / "indexes").iterdir()]) == 2


@pytest.mark.parametrize(
    "name", ["two\nlines", os.fsdecode(b"\xff"), "\x1b[31m", "x" * 250, "a b%#?é"]
)
def test_a_folder_of_any_name_has_an_index(
    library: Library, home: Path, name: str
) -> None:
    library.put(f"{name}/a.mp4")
    index = opened(library, library.folder / name)
    assert index.add().videos == 1
    assert opened(library, library.folder / name).search("red").videos == 1
    assert index.place.folder is not None and index.place.folder.name.isprintable()


@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"\xff")])
def test_a_place_that_cannot_be_named_is_refused(library: Library, name: str) -> None:
    library.fill(1)
    library.place = library.place / name
    with pytest.raises(InputError, match="cannot be the place of an index; give --ind"):
        library.open().add()


def test_an_index_may_lie_in_its_folder_but_not_be_it(library: Library) -> None:
    library.place = library.folder / "index"
    index = library.added(2)
    assert index.add().unchanged == 2
    library.place = library.folder / "."
    with pytest.raises(InputError, match="is the folder of the videos; give a folder"):
        library.open().add()
    assert not (library.folder / "lock").exists()


@pytest.mark.parametrize("there", [[], ["notes.txt"], ["bad.mp4"]])
def test_a_folder_without_videos_gets_no_index(
    library: Library, there: list[str]
) -> None:
    for name in there:
        (library.folder / name).write_text("no film")
    if "bad.mp4" in there:
        assert library.open().add().problems.keys() == {"bad.mp4"}
        with pytest.raises(InputError, match=r"no video of .* can be searched"):
            library.open().search("red")
        return
    with pytest.raises(InputError, match="has no videos; give a folder with some"):
        library.open().add()
    assert not library.place.exists()


def test_only_one_process_changes_an_index_and_others_search(library: Library) -> None:
    library.fill(3)
    index, seen = library.open(), list[object]()

    def meanwhile(_: object) -> None:
        other = library.open()
        for act in (other.add, other.prune, other.verify):
            with pytest.raises(Busy, match="another process updates"):
                act()
        try:
            seen.append(other.search("red").videos)
        except InputError as error:
            assert "no video" in str(error) or "has no videos" in str(error)
            seen.append(0)

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("slta.index.adding.COMMIT_S", -1.0)
    with monkeypatch.context():
        index.add(looks=Counted(meanwhile).on(index))
    monkeypatch.undo()
    assert seen == [0, 1, 2]
    assert library.open().search("red").videos == 3


def test_a_search_goes_on_while_its_videos_are_pruned(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = library.added(3)
    old = reader.snapshot()
    (library.folder / NAMES[0]).unlink()
    library.open().prune()
    usual, answers = Index.snapshot, [old]
    # As if it had been read just before.
    monkeypatch.setattr(
        Index,
        "snapshot",
        lambda self: answers.pop() if answers else usual(self),
    )
    hits = reader.search("red")
    assert hits.videos == 2 and not answers
    assert {hit.path.name for hit in hits.moments} <= set(NAMES[1:3])


def test_damaged_features_are_refused_and_not_tried_for_ever(library: Library) -> None:
    index = library.added(1)
    (video,) = index.snapshot().videos
    (library.place / video.file).unlink()
    with pytest.raises(
        InputError, match=r"is damaged .* 'slta index verify' repairs it"
    ):
        library.open().search("red")


def test_a_reader_sees_all_that_was_added_or_pruned_since(library: Library) -> None:
    reader = library.added(1)
    assert reader.search("red").videos == 1
    library.put("new.mp4", 3)
    library.open().add()
    assert reader.search("red").videos == 2
    (library.folder / "new.mp4").unlink()
    library.open().prune()
    assert reader.search("red").videos == 1


def test_searches_beside_updates_see_whole_states(library: Library) -> None:
    library.put("stays.mp4", 5)
    library.open().add()
    seen, wrong, stop = set[int](), list[BaseException](), threading.Event()

    def search() -> None:
        reader = library.open()
        try:
            while not stop.is_set():
                hits = reader.search("red")
                seen.add(hits.videos)
                assert {hit.path.name for hit in hits.moments} <= {
                    "stays.mp4",
                    *NAMES,
                }
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    writer = library.open()
    for film in range(4):
        library.put(NAMES[film], film)
        writer.add()
        (library.folder / NAMES[film]).unlink()
        writer.prune()
    stop.set()
    thread.join()
    assert not wrong, wrong
    assert seen <= {1, 2} and 1 in seen


def test_a_moved_folder_keeps_its_index(library: Library, home: Path) -> None:
    library.fill(2)
    index = opened(library)
    index.add()
    old, new = library.folder, library.folder.with_name("new")
    old.rename(new)
    with pytest.raises(InputError, match="does not exist"):
        opened(library, old).add()
    moved = opened(library, old).move(new)
    assert moved.root == new and str(moved.place) == str(default_place(new))
    counted = Counted()
    again = opened(library, new)
    again.add(looks=counted.on(again))
    assert not counted.jobs
    assert [hit.path.parent for hit in again.search("red").moments] == [new] * 2
    with pytest.raises(InputError, match="has no index; there is nothing to move"):
        opened(library, old).move(new)


def test_a_move_that_was_killed_goes_on(library: Library, home: Path) -> None:
    library.fill(1)
    opened(library).add()
    old, new = library.folder, library.folder.with_name("new")
    old.rename(new)
    default_place(old).rename(default_place(new))
    with pytest.raises(InputError, match=f"slta index move {old} {new}"):
        opened(library, new)
    assert opened(library, old).move(new).search("red").videos == 1
    assert opened(library, new).search("red").videos == 1


def test_an_index_is_not_moved_onto_another(library: Library, home: Path) -> None:
    library.fill(1)
    opened(library).add()
    other = library.put("../other/a.mp4", 2).parent
    opened(library, other).add()
    with pytest.raises(InputError, match=r"there is an index already, .*; remove one"):
        opened(library).move(other)
    for folder in (library.folder, other):
        assert opened(library, folder).search("red").videos == 1


def test_a_named_place_is_moved_by_its_head_alone(library: Library) -> None:
    library.added(1)
    new = library.folder.with_name("new")
    library.folder.rename(new)
    library.open().move(new)
    assert library.open(new).search("red").moments[0].path.parent == new


def test_status_says_what_has_changed(library: Library) -> None:
    index = library.added(2)
    (library.folder / NAMES[0]).unlink()
    library.put("new.mp4", 3)
    (library.folder / "bad.mp4").touch()
    before = index.status()
    assert (before.videos, before.files, before.gone) == (1, 1, (NAMES[0],))
    assert set(before.new) == {"new.mp4", "bad.mp4"} and before.problems == {}
    index.add()
    after = index.status()
    assert (after.videos, after.new, after.gone) == (2, (), (NAMES[0],))
    assert after.problems.keys() == {"bad.mp4"}
    assert after.hours == pytest.approx(2 * 6 / 3600)
    (library.folder / "bad.mp4").unlink()
    index.add()
    assert index.status().problems == {}


@pytest.mark.parametrize("act", ["search", "status", "verify", "prune"])
def test_without_an_index_the_command_that_makes_it_is_named(
    library: Library, act: str
) -> None:
    arguments: tuple[Any, ...] = ("red",) if act == "search" else ()
    if act == "prune":  # brings it up to date first
        library.fill(1)
        assert library.open().prune() == (0, 0)
        return
    with pytest.raises(
        InputError, match=f"no index yet; make .*: slta index {library.folder}"
    ):
        getattr(library.open(), act)(*arguments)
    assert not library.place.exists()


def test_a_pattern_and_lengths_choose_videos(library: Library) -> None:
    library.put("a/one.mp4", 0)
    library.put("a/b/two.mp4", 1)
    library.put("c/one.mp4", 0)
    index = library.open()
    index.add()

    def found(**only: Any) -> set[str]:
        hits = index.search("red", only=Filter(**only))
        return {
            str(path.relative_to(library.folder))
            for hit in hits.moments
            for path in hit.paths
        }

    everything = {"a/one.mp4", "a/b/two.mp4", "c/one.mp4"}
    assert found() == found(within=".") == found(within="./") == everything
    assert found(within="a") == found(within="a/**") == everything - {"c/one.mp4"}
    assert found(within="*/one.mp4") == everything - {"a/b/two.mp4"}
    assert found(longer_s=6.0, shorter_s=6.0) == everything
    with pytest.raises(InputError, match=r"'x' matches none of 3 .* there are a, c"):
        found(within="x")
    for only in ({"longer_s": 7.0}, {"since_s": 4e9}, {"until_s": 1.0}):
        with pytest.raises(InputError, match="no video satisfies --since"):
            found(**only)


def test_the_head_is_written_last(library: Library, monkeypatch: Any) -> None:
    """So that an index whose making was stopped is made anew, for any extractor."""
    library.fill(1)
    monkeypatch.setattr(tables, "write_head", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        library.open().add()
    assert read_head(Place(library.place)) is None
    monkeypatch.setattr(tables, "write_head", write_head)
    assert library.open().add().videos == 1
    assert library.open().verify().faults == ()


def test_a_snapshot_is_written_even_if_nothing_has_changed(library: Library) -> None:
    index = library.added(1)
    expected = facts(index)
    (library.place / SNAPSHOT).unlink()
    assert library.open().add().unchanged == 1
    assert (library.place / SNAPSHOT).exists()
    assert facts(library.open()) == expected


def test_old_versions_of_tables_are_removed_and_recent_ones_kept(
    library: Library,
) -> None:
    index = library.added(1)
    table = Tables(index.place)._table("files")
    for film in range(1, 4):
        library.put(NAMES[film], film)
        index.add()
    # Opened before, it is read after: its version is recent.
    assert len(table.to_arrow()) == 1
    assert paths(index.snapshot()) == set(NAMES[:4])
