"""Damaged and foreign indexes are refused in one line, or read right."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta import InputError
from slta.index import tables
from slta.index.place import Place
from slta.index.records import FORMAT, Snapshot
from slta.index.tables import HEAD, SNAPSHOT, Tables, read_snapshot, read_tables
from slta.search.compact import VERSION
from tests.support.libraries import Library, facts


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


WAYS: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "flipped": flipped,
    "cut": lambda data, _: data[: len(data) // 2],
    "empty": lambda data, _: b"",
    "gone": lambda data, _: None,
}
VALUES = (".slta", ".lance", ".safetensors")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting for other processes, of which there are none."""
    monkeypatch.setattr(tables, "WAIT_S", 0)
    monkeypatch.setattr(tables, "TRIES", 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_file_is_refused_in_one_line_or_does_no_harm(
    library: Library, way: str, quick: None
) -> None:
    index = library.added(2)
    expected, whole = index.search("red").to_json(), library.place
    rng, refused = random.Random(0), 0
    for path in library.files:
        name = path.relative_to(whole)
        if name.name == "lock":
            continue
        # Beside a snapshot, the tables are not read.
        for without_snapshot in (False, True) if name.parent == Path() else (True,):
            library.place = whole.with_name("damaged")
            shutil.rmtree(library.place, ignore_errors=True)
            shutil.copytree(whole, library.place)
            damaged = WAYS[way](path.read_bytes(), rng)
            (library.place / name).unlink()
            if damaged is not None:
                (library.place / name).write_bytes(damaged)
            if without_snapshot:
                (library.place / SNAPSHOT).unlink(missing_ok=True)
            for act in ("search", "verify"):
                try:
                    opened = library.open()
                    if act == "search":
                        found = opened.search("red").to_json()
                        # Values alone, which only verify can tell.
                        silent = way == "flipped" and name.suffix in VALUES
                        assert found == expected or silent, (name, act)
                    else:
                        opened.verify()
                except InputError as error:
                    refused += 1
                    assert "\n" not in str(error) and len(str(error)) < 600
    assert refused


def test_an_index_that_verify_repaired_is_as_before(library: Library) -> None:
    """Also after damage that changes values only, which no search can see."""
    index = library.added(3)
    expected = facts(index)
    (first, second, third) = index.snapshot().videos
    for video, way in ((first, "flipped"), (second, "cut"), (third, "gone")):
        path = library.place / video.file
        damaged = WAYS[way](path.read_bytes(), random.Random(1))
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
    verified = library.open().verify()
    assert verified.videos == 3
    assert {fault.video for fault in verified.faults} == {first.id, second.id, third.id}
    opened = library.open()
    assert opened.snapshot().videos == [] and opened.verify().faults == ()
    assert opened.add().videos == 3
    assert facts(opened) == expected


def changed_vector(place: Path) -> None:
    found = Tables(Place(place))
    vector = [2.0] * found._table("segments").schema.field("vector").type.list_size
    found._table("segments").update(where="start = 4", values={"vector": vector})


def doubled(name: str) -> Callable[[Path], None]:
    def double(place: Path) -> None:
        table = Tables(Place(place))._table(name)
        table.add(table.to_arrow().slice(0, 1))

    return double


def removed(name: str, where: str) -> Callable[[Path], None]:
    return lambda place: Tables(Place(place))._table(name).delete(where)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (changed_vector, "its segments are not those of its features"),
        (doubled("segments"), "4 segments, not 3"),
        (doubled("videos"), "has 2 rows"),
        (doubled("files"), "has 2 rows"),
        (removed("segments", "start = 4"), "2 segments, not 3"),
        (removed("videos", "true"), "has a video that is not there"),
    ],
)
def test_verify_finds_and_mends_what_is_lost_doubled_or_changed(
    library: Library, damage: Callable[[Path], None], says: str, quick: None
) -> None:
    index = library.added(2)
    expected = facts(index)
    (library.place / SNAPSHOT).unlink()
    damage(library.place)
    faults = library.open().verify().faults
    assert faults and any(says in fault.what for fault in faults)
    assert all("\n" not in fault.what for fault in faults)
    assert library.open().verify().faults == ()
    library.open().add()
    assert facts(library.open()) == expected


def test_a_snapshot_unlike_the_tables_is_a_fault(library: Library) -> None:
    index = library.added(2)
    expected = facts(index)
    path = library.place / SNAPSHOT
    data = bytearray(path.read_bytes())
    data[-1] ^= 0x40
    path.write_bytes(data)
    (fault,) = library.open().verify().faults
    assert SNAPSHOT in fault.what and not fault.video
    assert library.open().verify().faults == ()
    assert facts(library.open()) == expected


@pytest.mark.parametrize("name", ["of", "windows"])
def test_a_snapshot_with_numbers_of_nothing_is_not_used(
    library: Library, name: str
) -> None:
    index = library.added(2)
    snapshot = index.snapshot()
    array = snapshot.of if name == "of" else snapshot.rows.windows
    data = (library.place / SNAPSHOT).read_bytes()
    wrong = np.array(array)
    wrong[-1] = 7
    assert data.count(array.tobytes()) >= 1
    start = data.rindex(array.tobytes())
    spoilt = data[:start] + wrong.tobytes() + data[start + wrong.nbytes :]
    (library.place / SNAPSHOT).write_bytes(spoilt)
    used = read_snapshot(index.place)
    assert used is None or ((used.of < 2).all() and (used.rows.windows < 1).all())
    assert facts(library.open()) == facts(index)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"format": FORMAT + 1},
            rf"has format {FORMAT + 1}\.{VERSION}, this program reads "
            rf"{FORMAT}\.{VERSION}; use",
        ),
        ({"compact": 99}, rf"has format {FORMAT}\.99, this program"),
        ({"root": "/elsewhere"}, "is of /elsewhere, not of .*: slta index move"),
        ({"extractor": "imagenet-words"}, "has features of imagenet-words .* --index"),
        ({"version": "0"}, "has features of colours version 0"),
        ({"root": 3}, "is damaged"),
        ({"more": 3}, "is damaged"),
        ({"bases": "0"}, "bases.safetensors .* is damaged"),
    ],
)
def test_an_index_of_something_else_is_refused(
    library: Library, change: dict[str, Any], says: str
) -> None:
    library.added(1)
    path = library.place / HEAD
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=says) as refused:
        library.open().search("red")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, '{"format'])
def test_a_head_that_is_no_head_is_refused(library: Library, text: str) -> None:
    library.added(1)
    (library.place / HEAD).write_text(text)
    with pytest.raises(InputError, match=r"is damaged .* remove the index"):
        library.open()


def test_a_lost_head_does_not_make_the_index_new(library: Library) -> None:
    library.added(1)
    (library.place / HEAD).unlink()
    with pytest.raises(InputError, match=r"lacks its index.json; remove the index"):
        library.open().add()
    assert len([*(library.place / "features").iterdir()]) == 1


def test_tables_are_read_again_while_they_change(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = library.added(2)
    whole = index.snapshot()
    usual, tries = Tables.snapshot, 0

    def changing(self: Tables) -> Any:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise InputError("a version was removed")
        found = usual(self)
        if tries == 2:
            return Snapshot(found.videos, found.files, found.rows, found.of[:-1])
        return found

    monkeypatch.setattr(tables, "WAIT_S", 0)
    monkeypatch.setattr(Tables, "snapshot", changing)
    assert read_tables(index.place).videos == whole.videos and tries == 3


def test_an_index_that_lacks_rows_is_not_searched(
    library: Library, quick: None
) -> None:
    library.added(2)
    (library.place / SNAPSHOT).unlink()
    removed("segments", "start = 4")(library.place)
    with pytest.raises(InputError, match=r"lacks parts .* 'slta index verify' repairs"):
        library.open().search("red")
