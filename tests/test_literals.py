"""Pickles of plain values are read; whatever could run code is refused unexecuted."""

import pickle
import pickletools
from collections import OrderedDict
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.errors import InputError
from slta.literals import BUILDS, NOTHING, VALUES, Refused, load, loads

KEYS = st.text() | st.integers() | st.floats(allow_nan=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | KEYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=20,
)
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@given(PLAIN, st.sampled_from(PROTOCOLS))
def test_plain_values_come_back(value: Any, protocol: int) -> None:
    assert repr(loads(pickle.dumps(value, protocol))) == repr(value)


def test_what_is_there_twice_is_one() -> None:
    inner = ["a"]
    back = loads(pickle.dumps([inner, inner]))
    assert back == [["a"], ["a"]] and back[0] is back[1]


def test_text_of_python_2_is_read() -> None:
    assert loads(b"(S'person'\nI3\nt.") == ("person", 3)
    assert loads(b"U\x03cat.") == "cat"


class Runs:
    """Makes a file when Python's own unpickler reads it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_that_a_pickle_says_is_run(tmp_path: Path, protocol: int) -> None:
    target, file = tmp_path / "ran", tmp_path / "evil.pkl"
    file.write_bytes(pickle.dumps([("a", Runs(target))], protocol))
    with pytest.raises(
        InputError,
        match=r"evil\.pkl is refused \(.* could run code\); get the file from",
    ):
        load(file)
    assert not target.exists()
    pickle.loads(file.read_bytes())
    assert target.exists(), "the file would have done it"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(OrderedDict(a=1), id="a class of the library"),
        pytest.param(date(2026, 1, 1), id="a date"),
        pytest.param(np.arange(3), id="an array"),
        pytest.param({1, 2}, id="a set"),
        pytest.param(int, id="a name"),
        pytest.param(Exception("x"), id="an exception"),
    ],
)
def test_anything_but_plain_values_is_refused(value: object, protocol: int) -> None:
    with pytest.raises(Refused):
        loads(pickle.dumps(value, protocol))


def test_every_opcode_that_names_calls_or_builds_is_unknown() -> None:
    names = {opcode.name for opcode in pickletools.opcodes}
    known = VALUES | BUILDS.keys() | NOTHING
    memory = {"MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"}
    assert known <= names
    assert names - known - memory - {"STOP"} == {
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ"),
        *("NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "NEXT_BUFFER"),
        *("READONLY_BUFFER", "EMPTY_SET", "ADDITEMS", "FROZENSET", "POP", "DUP"),
        "POP_MARK",
    }


DAMAGED = {
    "empty": b"",
    "no end": b"]",
    "cut": pickle.dumps(["a", ("b", 2)] * 5)[:-9],
    "nothing to append to": b"a.",
    "append to a number": b"K\x01K\x02a.",
    "no mark": b"]K\x01e.",
    "a mark as value": b"(.",
    "a tuple of a mark": b"(\x85.",
    "two values": b"K\x01K\x02.",
    "no such memory": b"h\x07.",
    "a list as key": b"}]K\x01s.",
    "a tuple as key": b"}(K\x01tK\x01s.",
    "half an entry": b"}(K\x01u.",
    "no number": b"Ix\n.",
    "no opcode": b"\xff.",
    "text that is none": b"X\x02\x00\x00\x00\xc3\x28.",
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_pickle_is_told(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "cut.pkl"
    file.write_bytes(DAMAGED[kind])
    with pytest.raises(InputError, match=r"cut\.pkl is damaged \(.*\); get it again"):
        load(file)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(LookupError, TypeError, ValueError, OverflowError, MemoryError):
        loads(data)


def test_a_deep_pickle_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "deep.pkl"
    file.write_bytes(b"}(" + b")" + b"\x85" * 40_000 + b"K\x01u.")
    with pytest.raises(InputError, match="damaged"):
        load(file)


def test_a_pickle_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.pkl cannot be read"):
        load(tmp_path / "no.pkl")
