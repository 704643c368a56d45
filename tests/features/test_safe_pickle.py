"""Pickles of plain values are read; whatever could run code is refused unexecuted."""

import pickle
import pickletools
import tracemalloc
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
from slta.features.safe_pickle import (
    BUILDS,
    NOTHING,
    NUMPY,
    VALUES,
    Refused,
    load,
    loads,
)
from tests.support.pickles import Runs, python_2

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
DAMAGE = (
    *(LookupError, TypeError, ValueError, OverflowError, MemoryError),
    DeprecationWarning,  # of an escape in text that Python does not know
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


ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(6, dtype=">f8").reshape(3, 2)[::-1],
    np.zeros((0, 4), np.float16),
    np.array([True, False]),
    np.array(2.5),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_numbers_are_read_where_they_are_asked_for(protocol: int) -> None:
    given = {"a": ARRAYS, "again": ARRAYS[0], "b": (1, "x")}
    back = loads(pickle.dumps(given, protocol), names=NUMPY)
    assert back["b"] == (1, "x")
    for array, expected in zip(
        [*back["a"], back["again"]], [*ARRAYS, ARRAYS[0]], strict=True
    ):
        assert (
            array.shape == expected.shape
            and array.dtype.str[1:] == expected.dtype.str[1:]
        )
        assert np.array_equal(array, expected)


def test_an_array_of_python_2_is_read() -> None:
    array = np.array([[1, -2, 3], [0.1, 1e9, 255]], np.float32)
    data = python_2(array.tobytes())
    assert np.array_equal(pickle.loads(data, encoding="latin1"), array)
    assert np.array_equal(loads(data, names=NUMPY), array)
    with pytest.raises(Refused):
        loads(data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(np.array([{}], dtype=object), id="objects"),
        pytest.param(np.zeros(2, [("a", "f4")]), id="records"),
        pytest.param(np.array(["a"]), id="text"),
        pytest.param(np.float32(1), id="a scalar"),
        pytest.param(np.ma.masked_array([1.0]), id="a masked array"),
        pytest.param(OrderedDict(a=np.zeros(2)), id="a class of the library"),
        pytest.param(np.load, id="a function of numpy"),
        pytest.param([np.zeros(2), int], id="a name"),
    ],
)
def test_with_arrays_anything_else_is_refused(value: object, protocol: int) -> None:
    with pytest.raises(Refused):
        loads(pickle.dumps(value, protocol), names=NUMPY)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_with_arrays_nothing_that_a_pickle_says_is_run(
    tmp_path: Path, protocol: int
) -> None:
    target, file = tmp_path / "ran", tmp_path / "evil.pkl"
    file.write_bytes(pickle.dumps([np.zeros(2), Runs(target)], protocol))
    with pytest.raises(InputError, match=r"evil\.pkl is refused \(.* could run code\)"):
        load(file, names=NUMPY)
    assert not target.exists()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(python_2(b"short"), id="too few numbers"),
        pytest.param(python_2(bytes(24), b"f3"), id="no such type"),
        pytest.param(
            python_2(bytes(24)).replace(b"K\x02K\x03", b"K\x02U\x00"), id="shape"
        ),
        pytest.param(b"cnumpy\nndarray\n}b.", id="a state for a name"),
        pytest.param(b"c_codecs\nencode\nU\x01aU\x05utf-8\x86R.", id="an encoding"),
        pytest.param(b"K\x01)R.", id="a call of a number"),
        pytest.param(pickle.dumps(np.arange(9.0), 2)[:-20], id="cut"),
    ],
)
def test_a_damaged_array_is_told(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "cut.pkl"
    file.write_bytes(data)
    with pytest.raises(
        InputError, match=r"cut\.pkl is damaged \(.*\); get the file again"
    ):
        load(file, names=NUMPY)


@given(st.binary(max_size=40), st.integers(0, 200))
def test_any_change_of_a_pickled_array_is_read_or_refused(data: bytes, at: int) -> None:
    whole = python_2(bytes(24))
    with suppress(*DAMAGE):
        loads(whole[:at] + data + whole[at + len(data) :], names=NUMPY)


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
    with pytest.raises(
        InputError, match=r"cut\.pkl is damaged \(.*\); get the file again"
    ):
        load(file)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(*DAMAGE):
        loads(data)
    with suppress(*DAMAGE):
        loads(data, names=NUMPY)


def test_a_deep_pickle_does_no_harm(tmp_path: Path) -> None:
    # Python's unpickler hashes the key until the stack is full, and crashes.
    file = tmp_path / "deep.pkl"
    file.write_bytes(b"}(" + b")" + b"\x85" * 1_000_000 + b"K\x01u.")
    with pytest.raises(InputError, match="damaged"):
        load(file)


def test_a_far_place_in_the_memo_claims_no_memory() -> None:
    # Python's unpickler clears 16 bytes for each place up to this one.
    tracemalloc.start()
    assert loads(b"Nr\xff\xff\xff\x7f.") is None
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_a_pickle_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.pkl cannot be read"):
        load(tmp_path / "no.pkl")
