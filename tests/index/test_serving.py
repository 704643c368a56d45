"""Indexing as a server wants it: in parts, past what is hostile, and seen at once."""

import hashlib
from pathlib import Path

import pytest

from slta import InputError, video
from slta.index.looking import content_of
from slta.moments import VideoInfo
from tests.support.libraries import Counted, Library, paths


def test_only_new_files_of_a_folder_are_looked_at(library: Library) -> None:
    library.put("here/a.mp4", 0)
    library.put("hereafter.mp4", 1)
    library.put("gone.mp4", 2)
    index = library.open()
    index.add()
    (library.folder / "gone.mp4").unlink()
    library.put("here/deep/b.mp4", 3)
    library.put("there.mp4", 4)
    added = index.add(within="here")
    assert (added.videos, added.gone) == (1, ["gone.mp4"])
    assert paths(index.snapshot()) == {"here/a.mp4", "here/deep/b.mp4", "hereafter.mp4"}
    assert index.status().new == ("there.mp4",)
    assert index.add(within="here").videos == 0 and index.add().videos == 1


def test_what_is_to_be_skipped_is_never_opened_and_stays_noted(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("fine.mp4", 0)
    library.put("hostile.mp4", 1)
    opened = list[str]()
    usual = video.probe

    def probe(path: Path) -> VideoInfo:
        opened.append(path.name)
        return usual(path)

    monkeypatch.setattr(video, "probe", probe)
    index = library.open()
    saved = list[dict[str, str]]()
    added = index.add(
        skip={"hostile.mp4": "it hangs"},
        saved=lambda so_far: saved.append(dict(so_far.problems)),
    )
    assert added.problems == saved[-1] == {"hostile.mp4": "it hangs"}
    assert {*opened} == {"fine.mp4"}
    # It is a lasting problem: as long as the file stays as it is.
    assert library.open().add().problems == {}
    assert index.status().problems == {"hostile.mp4": "it hangs"}
    library.put("hostile.mp4", 2)
    assert library.open().add().videos == 1


def test_searches_are_shown_videos_while_others_are_looked_at(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slta.index.adding.COMMIT_S", -1.0)
    monkeypatch.setattr("slta.index.adding.SHOWN", 0)
    monkeypatch.setattr("slta.index.latest.read_tables", lambda _: pytest.fail("read"))
    library.fill(3)
    index, reader = library.open(), library.open()
    index.begin()
    seen = list[int]()
    counted = Counted(lambda _: seen.append(len(reader.snapshot().videos)))
    index.add(looks=counted.on(index))
    assert seen == [0, 1, 2] and len(reader.snapshot().videos) == 3


def test_an_empty_index_begins_only_where_there_are_videos(library: Library) -> None:
    with pytest.raises(InputError, match="no videos"):
        library.open().begin()
    assert not library.open().exists
    library.fill(1)
    index = library.open()
    index.begin()
    assert index.snapshot().videos == [] and index.add().videos == 1
    index.begin()
    assert len(index.snapshot().videos) == 1


def test_whoever_reads_a_large_file_tells_that_it_goes_on(tmp_path: Path) -> None:
    path, data = tmp_path / "large", bytes(range(256)) * 20_000
    path.write_bytes(data)
    told = list[int]()
    assert content_of(path, lambda: told.append(1)) == hashlib.sha256(data).hexdigest()
    assert len(told) == 5
