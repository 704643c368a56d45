"""A user's own data: what is right is read, what is wrong is told, all of it."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.datasets import own
from slta.datasets.annotations import Annotations
from slta.datasets.checking import check
from slta.datasets.source import Length
from slta.errors import InputError
from slta.moments import Query, Span
from tests.support.own_data import ROW, write_files


def test_every_file_is_a_split(tmp_path: Path) -> None:
    rows = [
        ROW | {"query_id": "x", "duration_s": 9.5},
        ROW | {"query": "nobody  dances\n", "spans": []},
        ROW | {"query": "it rains", "spans": [[0, 1], [2, 3.5]], "colour": "red"},
        ROW | {"video_id": 12, "query": "who knows", "spans": None},
    ]
    table = (
        "video_id,query,start_s,end_s,query_id\n"
        'b,"sits, then stands",1,2,\nb,runs,3,4,r\nb,runs,5,6,r\nb,flies,,,\n'
    )
    root = write_files(tmp_path / "d", {"train.jsonl": rows, "test_far.csv": table})
    found = own.load(root)
    assert found.splits == {
        "train": (
            Query("x", "a", "a man sits", (Span(1.5, 4.0),)),
            Query("a:2", "a", "nobody dances", ()),
            Query("a:3", "a", "it rains", (Span(0.0, 1.0), Span(2.0, 3.5))),
            Query("12:4", "12", "who knows", None),
        ),
        "test_far": (
            Query("b:2", "b", "sits, then stands", (Span(1.0, 2.0),)),
            Query("r", "b", "runs", (Span(3.0, 4.0), Span(5.0, 6.0))),
            Query("b:5", "b", "flies", ()),
        ),
    }
    assert found.durations_s == {"a": 9.5}
    assert found.videos == root / "videos" and found.folder == root


def test_an_id_is_one_however_its_accents_are_written(tmp_path: Path) -> None:
    composed, apart = "caf\u00e9", "cafe\u0301"
    row = ROW | {"video_id": composed, "duration_s": 9}
    table = f"video_id,query,start_s,end_s\n{apart},runs,1,2\n"
    root = write_files(tmp_path / "d", {"train.jsonl": [row]})
    write_files(root, {"val.csv": table})
    (root / "features").mkdir()
    np.savez(
        root / "features" / f"{apart}.npz",
        times_s=np.arange(9.0),
        frames=np.ones((9, 4), np.float32),
    )
    found = own.load(root)
    assert found.video_ids == [composed]
    report = check(own.SOURCE, root)
    assert report.faults == [] and report.features[0].missing == []


def test_hidden_files_are_no_splits(tmp_path: Path) -> None:
    root = write_files(tmp_path, {"train.jsonl": [ROW]})
    write_files(root, {"._train.jsonl": "\0\1", ".val.csv": "x"})
    assert [*own.load(root).splits] == ["train"]


def test_the_digest_changes_with_any_file(tmp_path: Path) -> None:
    one = own.load(write_files(tmp_path / "1", {"train.jsonl": [ROW]}))
    same = own.load(write_files(tmp_path / "2", {"train.jsonl": [ROW]}))
    named = own.load(write_files(tmp_path / "3", {"other.jsonl": [ROW]}))
    other = own.load(
        write_files(tmp_path / "4", {"train.jsonl": [ROW | {"query": "x"}]})
    )
    assert one.digest == same.digest
    assert len({one.digest, named.digest, other.digest}) == 3


def test_the_facts_of_the_field_are_kept(tmp_path: Path) -> None:
    row = ROW | {
        "query_id": "q",
        "chunks": [[0, 1], [2, 2]],
        "clips": [3, 4],
        "saliency": [[1, 2, 3], [4, 0, 1]],
        "nouns": ["man", "chair"],
        "windows": [],
    }
    facts = own.load(write_files(tmp_path / "d", {"train.jsonl": [row]})).facts["q"]
    assert facts.chunks is not None and facts.chunks.tolist() == [[0, 1], [2, 2]]
    assert facts.clips is not None and facts.clips.tolist() == [3, 4]
    assert facts.saliency is not None and facts.saliency.shape == (2, 3)
    assert facts.windows is not None and facts.windows.shape == (0, 2)
    assert facts.nouns == ("man", "chair")


def row(**changed: Any) -> str:
    return json.dumps(ROW | changed)


LINES: dict[str, tuple[str, str]] = {
    "broken": ('{"video_id": "a", ', r"is broken \(.* column \d+\); write one JSON"),
    "deep": ("[" * 100_000, "is broken"),
    "no object": ("[1, 2]", r"holds \[1, 2\], not an object; write one"),
    "no video": ('{"query": "x", "spans": []}', "has no field 'video_id'; add it"),
    "no query": ('{"video_id": "a", "spans": []}', "has no field 'query'; add it"),
    "no spans": ('{"video_id": "a", "query": "x"}', "has no field 'spans'; add it"),
    "no words": (row(query=" "), "a query of a without words; write the sentence"),
    "only marks": (row(query="?!"), "a query of a without words \\(\\?!\\); write the"),
    "words of another kind": (
        row(query=3),
        "gives query as 3, which is not a text; write it in quotes",
    ),
    "a path as video": (row(video_id="../a"), "'../a' cannot name a file"),
    "no name": (row(video_id=""), "'' cannot name a file"),
    "one number": (
        row(spans=[[1]]),
        r"gives spans with \[1\], which is not a pair of numbers; write \[\[",
    ),
    "no pairs": (row(spans=[1, 2]), "gives spans with 1, which is not a pair"),
    "text for numbers": (
        row(spans=[["1", "2"]]),
        r'spans with \["1", "2"\], which is not a pair of numbers',
    ),
    "truth for a number": (
        row(spans=[[False, True]]),
        r"spans with \[false, true\], which is not a pair of numbers",
    ),
    "beyond all bounds": (
        row(spans=[[0, 10**400]]),
        "spans with .* not a pair of numbers",
    ),
    "a length beyond all bounds": (
        row(duration_s=10**400),
        "duration_s as .* not a number",
    ),
    "NaN": (row(spans=[[float("nan"), 2]]), "which is not a span; give seconds"),
    "infinity": (row(spans=[[1, float("inf")]]), "which is not a span"),
    "negative": (row(spans=[[-1, 2]]), "which is not a span; give seconds from 0 on"),
    "end before start": (row(spans=[[4, 1.5]]), "at 4-1.5 s, .* give the start first"),
    "no length": (row(spans=[[4, 4]]), "does not start before it ends"),
    "after the video": (
        row(spans=[[1, 12]], duration_s=10),
        r"at 1-12 s, which ends 2.00 s after the video \(10 s\); correct the times",
    ),
    "milliseconds": (
        row(spans=[[1500, 4000]], duration_s=10),
        "1500-4000 s, .* look like milliseconds: divide them by 1000",
    ),
    "no duration": (
        row(duration_s=-3),
        "gives duration_s as -3.0, which is not a number above 0; correct",
    ),
    "nouns that are none": (row(nouns=[3]), "nouns with 3, which is not a text"),
    "a field twice": (
        row()[:-1] + ', "query": "x"}',
        "has the field 'query' twice; keep one of the two",
    ),
    "a slip of the pen": (
        row(spans=[[1, 300]], duration_s=10.1),
        r"ends 289.90 s after the video \(10.1 s\); correct the times",
    ),
    "cut short": ('{"query": "a m', r"is broken \(Unterminated string at column 11\)"),
    "odd facts": (
        row(clips=[["a"]]),
        r'clips as \[\["a"\]\], which is not a list of whole numb',
    ),
    "chunks that are none": (
        row(chunks=[[2, 1]]),
        r"chunks as \[\[2, 1\]\], which are",
    ),
    "a clip before the video": (row(clips=[-1]), r"gives clips as \[-1\]; number them"),
    "saliency of nothing": (
        row(saliency=[[1, 2, 3]]),
        "saliency of 1 clips for 0 clips",
    ),
    "half a letter": (
        row(query="a man \ud83d sits"),
        r"query as \"a man .*, which is not valid Unicode; type it again",
    ),
    "half a name": (row(video_id="\udc80"), "video_id as .* not valid Unicode"),
    "another encoding": ("caf\udce9", r"is not UTF-8 \(byte 4 of the line\); save"),
}


@pytest.mark.parametrize("kind", LINES)
def test_what_is_wrong_with_a_line_is_told(tmp_path: Path, kind: str) -> None:
    line, says = LINES[kind]
    (tmp_path / "d").mkdir()
    file = tmp_path / "d" / "train.jsonl"
    text = f"{row()}\n\n{line}\n{row(query='it rains')}\n"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    (problem,) = own.read(tmp_path / "d").problems
    assert (problem.file, problem.line, problem.oddity) == (file, 3, None)
    with pytest.raises(InputError, match=rf"train\.jsonl:3 .*{says}") as caught:
        own.load(tmp_path / "d")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    # What is right beside it is still known.
    queries = own.read(tmp_path / "d").splits["train"]
    assert [query.query for query in queries] == ["a man sits", "it rains"]


def test_an_array_is_told_to_be_lines(tmp_path: Path) -> None:
    for indent in (None, 1):
        text = json.dumps([ROW, ROW | {"query": "x"}], indent=indent)
        root = write_files(tmp_path / "d", {"train.jsonl": text})
        (problem,) = own.read(root).problems
        assert "train.jsonl:1 is a JSON array of objects; write one JSON" in str(
            problem
        )


def test_a_pipe_is_told_rather_than_waited_for(tmp_path: Path) -> None:
    root = write_files(tmp_path / "d", {"train.jsonl": [ROW]})
    os.mkfifo(root / "val.jsonl")
    with pytest.raises(InputError, match=r"val\.jsonl cannot be read .*is a pipe"):
        own.load(root)


TABLES: dict[str, tuple[str, int, str]] = {
    "a missing column": (
        "video_id,query,start_s\na,x,1\n",
        1,
        "has no column end_s; add it to the first line, which has 'video_id, query",
    ),
    "semicolons": ("video_id;query;start_s;end_s\n", 1, "has no column video_id"),
    "empty": ("", 1, "has no column"),
    "too many values": (
        "video_id,query,start_s,end_s\na,sits, stands,1,2\n",
        2,
        "values; write 4 to a line, those with commas in quotes",
    ),
    "too few values": ("video_id,query,start_s,end_s\na,x,1\n", 2, "has 3 values"),
    "no number": ("video_id,query,start_s,end_s\na,x,0:10,0:20\n", 2, "0:10"),
    "a number for programmers": (
        "video_id,query,start_s,end_s\na,x,1_0,2_0\n",
        2,
        'start_s as "1_0", which is not a number',
    ),
    "one time": (
        "video_id,query,start_s,end_s\na,x,1,\n",
        2,
        'end_s as "", which is no',
    ),
    "end before start": ("video_id,query,start_s,end_s\na,x,3,1\n", 2, "start first"),
    "milliseconds": (
        "video_id,query,start_s,end_s,duration_s\na,x,1500,4000,10\n",
        2,
        "look like milliseconds",
    ),
    "one id for two": (
        "video_id,query,start_s,end_s,query_id\na,x,1,2,q\na,y,1,2,q\n",
        3,
        "gives the query id 'q' to another query than line 2",
    ),
}


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_wrong_with_a_table_is_told(tmp_path: Path, kind: str) -> None:
    text, line, says = TABLES[kind]
    root = write_files(tmp_path / "d", {"train.csv": text})
    (problem,) = own.read(root).problems
    assert problem.line == line
    with pytest.raises(InputError, match=rf"train\.csv:{line} .*{says}"):
        own.load(root)


def test_a_table_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = "\ufeffvideo_id,query,start_s,end_s\r\na,café,1,2\r\n"
    (tmp_path / "train.csv").write_bytes(text.encode())
    (query,) = own.load(tmp_path).splits["train"]
    assert query == Query("a:2", "a", "café", (Span(1.0, 2.0),))


def problems(found: Annotations) -> list[str]:
    return [f"{problem.line}: {problem}" for problem in found.faults]


def test_all_problems_are_told_and_the_first_stops_training(tmp_path: Path) -> None:
    lines = [row(), "{", row(spans=[[2, 1]]), row(query="")]
    root = write_files(
        tmp_path / "d",
        {"train.jsonl": "\n".join(lines), "test.jsonl": row(spans=[[0, 1], [9]])},
    )
    assert len(problems(own.read(root))) == 4
    with pytest.raises(
        InputError, match=r"test\.jsonl:1 .*\(3 more: slta data check own --root .*d\)"
    ):
        own.load(root)


def test_an_id_given_twice_is_told_with_the_line_before(tmp_path: Path) -> None:
    lines = [row(query_id="q"), row(query_id="q", query="it rains")]
    root = write_files(tmp_path / "d", {"train.jsonl": "\n".join(lines)})
    (said,) = problems(own.read(root))
    assert said.startswith("2: ") and "'q' again, after line 1; give each query" in said


def test_splits_may_have_the_same_ids(tmp_path: Path) -> None:
    rows = [ROW | {"query_id": "q"}]
    root = write_files(tmp_path / "d", {"train.jsonl": rows, "val.jsonl": rows})
    assert not own.read(root).problems


def test_a_query_annotated_twice_is_odd_and_kept(tmp_path: Path) -> None:
    root = write_files(tmp_path / "d", {"train.jsonl": [ROW, ROW]})
    found = own.read(root)
    assert [each.oddity for each in found.problems] == ["query annotated twice"]
    assert len(own.load(root).splits["train"]) == 2


def test_a_split_given_twice_is_told(tmp_path: Path) -> None:
    table = "video_id,query,start_s,end_s\na,x,1,2\n"
    root = write_files(tmp_path / "d", {"train.jsonl": [ROW], "train.csv": table})
    with pytest.raises(InputError, match=r"gives the split train, as does train\.csv"):
        own.load(root)


def test_two_lengths_of_one_video_are_told(tmp_path: Path) -> None:
    rows = [ROW | {"duration_s": 10}, ROW | {"duration_s": 20, "query": "x"}]
    root = write_files(tmp_path / "d", {"train.jsonl": rows})
    (said,) = problems(own.read(root))
    assert "2: " in said and "lasts 20 s; a line before says 10 s" in said


def test_what_the_video_says_decides(tmp_path: Path) -> None:
    """Of durations in milliseconds and of spans without one."""
    rows = [
        ROW | {"duration_s": 10_000},
        ROW | {"video_id": "b", "spans": [[1500, 4000]]},
        ROW | {"video_id": "c", "spans": [[1, 10.4]]},
    ]
    root = write_files(tmp_path / "d", {"train.jsonl": rows})
    found = own.read(root, {name: Length(10.0, 0.5) for name in "abc"})
    first, second = problems(found)
    assert "1: " in first
    assert "lasts 10000 s, but it lasts 10.00 s; that looks like milliseconds" in first
    assert "2: " in second and "look like milliseconds" in second


def test_a_little_beyond_the_video_is_rounding_and_cut(tmp_path: Path) -> None:
    rows = [ROW | {"spans": [[1, 10.05]], "duration_s": 10}]
    root = write_files(tmp_path / "d", {"train.jsonl": rows})
    assert not own.read(root).problems
    assert own.load(root).splits["train"][0].truth == (Span(1.0, 10.0),)


def test_a_folder_without_splits_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"/train\.jsonl is missing; write it or train\.csv, or make it",
    ):
        own.load(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        own.load(tmp_path / "no")


def test_arrays_keep_their_types(tmp_path: Path) -> None:
    row = ROW | {"query_id": "q", "clips": [], "saliency": []}
    facts = own.load(write_files(tmp_path / "d", {"train.jsonl": [row]})).facts["q"]
    assert facts.clips is not None and facts.saliency is not None
    assert facts.clips.dtype == np.int64 and facts.saliency.shape == (0, 3)
