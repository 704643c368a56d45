"""Answers and truths that other programs wrote."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slta.errors import InputError
from slta.evaluation import formats
from slta.evaluation.formats.joining import Joined, load
from slta.evaluation.predictions import write
from tests.support.commands import Called, call, refused

OWN = [
    {
        "query_id": "a",
        "video_id": "v",
        "query": "a man\u2028sits",
        "duration_s": 30.0,
        "truth": [[0, 5]],
        "spans": [[0, 4], [10, 20]],
        "scores": [1.0, 2.0],
    },
    {
        "query_id": "b",
        "video_id": "w",
        "query": "nothing of the kind",
        "duration_s": 20.0,
        "truth": [],
        "spans": [[0, 4]],
        "scores": [1.0],
    },
]
DETR = [
    {
        "qid": 7,
        "query": "x",
        "vid": "v",
        "pred_relevant_windows": [[0, 4, 0.9], [10, 20, 0.1]],
        "pred_saliency_scores": [0.5, 0.1, -0.3],
    },
    {
        "qid": 8,
        "query": "y",
        "vid": "w",
        "pred_relevant_windows": [],
        "pred_saliency_scores": [0.5],
    },
]
QV = [
    {
        "qid": 7,
        "query": "x",
        "vid": "v",
        "duration": 30,
        "relevant_clip_ids": [1],
        "saliency_scores": [[4, 0, 2]],
        "relevant_windows": [[2, 4], [10, 20]],
    },
    {"qid": 8, "query": "y", "vid": "w", "duration": 6, "relevant_windows": [[0, 6]]},
]
CBP = {
    "results": {
        "s1-d2-0": [{"timestamp": [0, 4], "score": 0.9}],
        "s1-d2-1": [
            {"timestamp": [5, 9], "score": 0.9},
            {"timestamp": [0, 4], "score": 0.8},
        ],
    }
}
VIDEOS = {
    "s1-d2": {
        "timestamps": [[0, 4], [0, 4]],
        "sentences": ["He takes a knife", "He cuts"],
        "encoded_sentences": [[1], [2]],
    }
}


def jsonl(path: Path, rows: list[Any]) -> Path:
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n"
    path.write_bytes(text.encode())
    return path


def as_json(path: Path, content: Any, **form: Any) -> Path:
    path.write_text(json.dumps(content, **form))
    return path


def packed(path: Path) -> Path:
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def test_own_answers_have_their_truth(tmp_path: Path) -> None:
    found = load(jsonl(tmp_path / "a.jsonl", OWN))
    one, other = found.predictions
    assert one.query == "a man\u2028sits" and one.truth.tolist() == [[0, 5]]
    assert other.truth.shape == (0, 2)
    assert not one.final and one.duration_s == 30
    assert (found.unanswered, list(found.notes)) == (0, [])


def test_what_the_project_writes_is_read(tmp_path: Path) -> None:
    truth = jsonl(tmp_path / "t.jsonl", QV)
    given = load(jsonl(tmp_path / "p.jsonl", DETR), truth).predictions
    write(tmp_path / "own.jsonl", given)
    for one, same in zip(given, load(tmp_path / "own.jsonl").predictions, strict=True):
        for name in one.__slots__:
            left, right = getattr(one, name), getattr(same, name)
            if isinstance(left, np.ndarray):
                np.testing.assert_array_equal(left, right)
            else:
                assert left == right


def test_moment_detrs_answers_meet_qvhighlights_truth(tmp_path: Path) -> None:
    truth = jsonl(tmp_path / "truth.jsonl", QV)
    found = load(jsonl(tmp_path / "answers.jsonl", DETR), truth)
    one, other = found.predictions
    assert one.final and (one.query_id, one.video_id, one.query) == ("7", "v", "x")
    assert one.spans.tolist() == [[0, 4], [10, 20]]
    assert one.scores.tolist() == [0.9, 0.1]
    assert one.truth.tolist() == [[2, 4], [10, 20]] and one.duration_s == 30
    assert one.saliency is not None and one.saliency.tolist() == [0.5, 0.1, -0.3]
    assert one.true_saliency is not None and one.true_saliency.shape == (15, 3)
    assert one.true_saliency[:3].tolist() == [[0, 0, 0], [4, 0, 2], [0, 0, 0]]
    assert other.spans.shape == (0, 2) and other.true_saliency is None


def test_either_kind_of_moment_detrs_answers_may_be_missing(tmp_path: Path) -> None:
    truth = jsonl(tmp_path / "truth.jsonl", QV)
    for name, missing in (
        ("m", "pred_saliency_scores"),
        ("h", "pred_relevant_windows"),
    ):
        rows = [{k: v for k, v in row.items() if k != missing} for row in DETR]
        one, _ = load(jsonl(tmp_path / f"{name}.jsonl", rows), truth).predictions
        assert (one.saliency is None) == (name == "m")
        assert (len(one.spans) == 0) == (name == "h")


def test_saliency_without_windows_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    truth = jsonl(tmp_path / "truth.jsonl", QV)
    rows = [{k: row[k] for k in ("qid", "pred_saliency_scores")} for row in DETR]
    path = jsonl(tmp_path / "h.jsonl", rows)
    given = ("evaluate", path, "--truth", truth, "--protocol")
    found = call(capsys, *given, "detr")
    assert found.code == 0 and "HIT@1, VeryGood" in found.out
    assert f"the predictions in {path} have saliency and no windows" in found.err
    refused(
        call(capsys, *given, "plain"),
        "saliency and no windows, .* plain evaluates windows; give --protocol detr",
    )


def test_predictions_need_neither_their_video_nor_their_query(tmp_path: Path) -> None:
    truth = jsonl(tmp_path / "truth.jsonl", QV)
    for name, rows, left_out in (
        ("qv", DETR, {"vid": None, "query": None}),
        ("own", [{**row, "query_id": 7 + i} for i, row in enumerate(OWN)], {}),
    ):
        bare = [
            {k: v for k, v in row.items() if k not in ("vid", "query", "video_id")}
            for row in rows
        ]
        bare = [{k: v for k, v in row.items() if k != "truth"} for row in bare]
        bare[0] |= left_out
        found = load(jsonl(tmp_path / f"{name}.jsonl", bare), truth).predictions
        assert [(each.video_id, each.query) for each in found] == [
            ("v", "x"),
            ("w", "y"),
        ]
        assert found[0].spans.tolist() == [[0, 4], [10, 20]]


@pytest.mark.parametrize("indent", [None, 1])
def test_cbps_answers_meet_their_truth(tmp_path: Path, indent: int | None) -> None:
    answers = as_json(tmp_path / "answers.json", CBP, indent=indent)
    truth = as_json(tmp_path / "truth.json", VIDEOS, indent=indent)
    one, other = load(answers, truth).predictions
    assert (one.query_id, one.video_id) == ("s1-d2-0", "s1-d2")
    assert one.query == "He takes a knife" and one.final
    assert other.spans.tolist() == [[5, 9], [0, 4]]
    assert other.truth.tolist() == [[0, 4]]


def test_own_annotations_are_a_truth_for_any_answers(tmp_path: Path) -> None:
    truth = jsonl(
        tmp_path / "truth.jsonl",
        [
            {"query_id": "7", "video_id": "v", "query": "x", "spans": [[0, 4]]},
            {"query_id": 8, "video_id": "w", "query": "y", "spans": []},
        ],
    )
    one, other = load(jsonl(tmp_path / "answers.jsonl", DETR), truth).predictions
    assert one.truth.tolist() == [[0, 4]] and other.truth.shape == (0, 2)
    assert one.duration_s is None


def test_a_truth_apart_counts_before_the_one_in_the_file(tmp_path: Path) -> None:
    rows = [{"query_id": r["query_id"], "video_id": r["video_id"]} for r in OWN]
    truth = jsonl(
        tmp_path / "t.jsonl", [r | {"query": "z", "spans": [[7, 8]]} for r in rows]
    )
    without = [{k: v for k, v in row.items() if k != "truth"} for row in OWN]
    for name, given in (("with", OWN), ("without", without)):
        found = load(jsonl(tmp_path / f"{name}.jsonl", given), truth).predictions
        assert [each.truth.tolist() for each in found] == [[[7, 8]]] * 2
        assert [each.duration_s for each in found] == [30, 20]


def test_files_may_be_packed_and_begin_with_a_mark(tmp_path: Path) -> None:
    answers, truth = jsonl(tmp_path / "p.jsonl", DETR), jsonl(tmp_path / "t.jsonl", QV)
    answers.write_bytes(
        b"\xef\xbb\xbf\n" + answers.read_bytes().replace(b"\n", b"\r\n")
    )
    plain = load(answers, truth)
    both = load(packed(answers), packed(truth))
    assert len(plain.predictions) == len(both.predictions) == 2
    for one, same in zip(plain.predictions, both.predictions, strict=True):
        assert one.spans.tolist() == same.spans.tolist()


def told(tmp_path: Path, answers: list[Any]) -> Joined:
    truth = jsonl(tmp_path / "truth.jsonl", QV)
    return load(jsonl(tmp_path / "answers.jsonl", answers), truth)


def test_queries_without_an_answer_are_counted_told_and_misses(tmp_path: Path) -> None:
    answered = {**DETR[1], "pred_relevant_windows": [[0, 4, 0.9]]}
    found = told(tmp_path, [answered])
    assert found.unanswered == 1
    (note,) = found.notes
    assert note == (
        f"{tmp_path}/answers.jsonl has no answer to 1 of 2 queries (the first is "
        f"{tmp_path}/truth.jsonl:1); they count as misses"
    )
    missed = found.predictions[0]
    assert missed.query_id == "7" and missed.spans.shape == (0, 2)
    assert missed.true_saliency is not None


def test_answers_after_the_video_are_told(tmp_path: Path) -> None:
    late = {**DETR[0], "pred_relevant_windows": [[0, 4, 0.9], [30, 31, 0.2]]}
    (note,) = told(tmp_path, [late, DETR[1]]).notes
    assert "1 of 2 answers in" in note and "after the end of their video" in note


def test_answers_that_end_before_they_start_are_told(tmp_path: Path) -> None:
    turned = {**DETR[0], "pred_relevant_windows": [[0, 4, 0.9], [4.0, 2.2, 0.2]]}
    found = told(tmp_path, [DETR[1], turned])
    (note,) = found.notes
    assert note == (
        f"1 of 2 answers in {tmp_path}/answers.jsonl end before they start (the first is "
        f"4-2.2 s, {tmp_path}/answers.jsonl:2); none of them is a hit: give the start first"
    )
    assert found.predictions[0].spans.tolist() == [[0, 4], [4.0, 2.2]]


def test_an_answer_to_another_query_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"answers.jsonl:3 answers the query '9', which .*truth.jsonl does not have "
        r"\(1 of 3 such\); give the ground truth of the same queries",
    ):
        told(tmp_path, [*DETR, {**DETR[0], "qid": 9}])


def test_a_query_that_is_answered_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"ers.jsonl:3 has the query '7' again, after "
    ):
        told(tmp_path, [*DETR, DETR[0]])


def test_an_answer_in_another_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"answers.jsonl:1 answers .* in the video 'u', which .* of 'v'",
    ):
        told(tmp_path, [{**DETR[0], "vid": "u"}, DETR[1]])


def test_answers_without_a_truth_are_refused(tmp_path: Path) -> None:
    for name, rows in (("p", DETR), ("own", [{**OWN[0], "truth": None}])):
        path = jsonl(tmp_path / f"{name}.jsonl", rows)
        with pytest.raises(
            InputError, match=rf"{name}.jsonl:1 has no ground truth; .* --truth"
        ):
            load(path)


WITHOUT = {k: v for k, v in DETR[1].items() if k != "qid"}
DAMAGED: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "x.jsonl is empty; make it again"),
    "blank": ("\n \n", "x.jsonl is empty"),
    "no text": (b"\xff\xfe\x00", "x.jsonl is not UTF-8 text"),
    "no JSON": ("\nhello\n", "x.jsonl:2 is not JSON .Expecting value.; give a file of"),
    "a damaged archive": (gzip.compress(b"{}" * 99)[:-9], "x.jsonl cannot be read"),
    "no archive": (b"\x1f\x8b" + b"x" * 30, "x.jsonl cannot be read"),
    "a list": (
        "[1, 2]",
        r"not in a known format of predictions: .* is '\[1, 2\]'; give one",
    ),
    "another object": (
        '{"a": 1, "b": 2}',
        "first value has the fields a, b; give one of",
    ),
    "a broken line": (
        json.dumps(DETR[0]) + '\n{"qid": 8, "que',
        "x.jsonl:2 is broken .Unterminated string at column 12.; correct it",
    ),
    "a number for a line": (
        json.dumps(DETR[0]) + "\n8\n",
        "x.jsonl:2 holds 8, not an object; correct it",
    ),
    "no field": (
        json.dumps(DETR[0]) + "\n" + json.dumps(WITHOUT),
        "x.jsonl:2 has no field 'qid'; add it",
    ),
    "an array": (
        json.dumps(DETR, indent=1),
        "x.jsonl is a JSON array of 2 objects; write one object a line",
    ),
    "half a letter": (
        json.dumps({**DETR[0], "qid": "\ud83d"}),
        r"x.jsonl:1 gives qid as .*, which is not valid Unicode; type it again",
    ),
    "windows without a score": (
        json.dumps({**DETR[0], "pred_relevant_windows": [[0, 4]]}),
        "x.jsonl:1 gives pred_relevant_windows as .* which are not numbers start, end, score",
    ),
    "words for times": (
        json.dumps({**DETR[0], "pred_relevant_windows": [["a", 4, 1]]}),
        'x.jsonl:1 gives pred_relevant_windows as .."a", 4, 1.., which are not n',
    ),
    "saliency in two rows": (
        json.dumps({**DETR[0], "pred_saliency_scores": [[1.0]]}),
        "x.jsonl:1 gives pred_saliency_scores as .* not a list of numbers; correct it",
    ),
    "of CBP, no score": (
        json.dumps({"results": {"v-0": [{"timestamp": [0, 1]}]}}),
        "x.jsonl, v-0 has no field 'score'; add it",
    ),
    "of CBP, no pair": (
        json.dumps({"results": {"v-0": [{"timestamp": [0], "score": 1}]}}),
        "x.jsonl, v-0 gives timestamp as ..0.., which are not numbers start, end; w",
    ),
    "of CBP, two objects": (
        json.dumps(CBP) + "\n" + json.dumps(CBP),
        "x.jsonl:2 goes on after its end",
    ),
    "own, more scores": (
        json.dumps({**OWN[0], "scores": [1.0]}),
        "x.jsonl:1 has 2 spans and 1 scores; give each span one",
    ),
    "own, final is no switch": (
        json.dumps({**OWN[0], "final": "yes"}),
        'x.jsonl:1 gives final as "yes", which is neither true nor false',
    ),
    "own, no such chunks": (
        json.dumps({**OWN[0], "chunks": [[2, 1]]}),
        "x.jsonl:1 gives chunks as ..2, 1.., which are not first and last chunks; num",
    ),
    "own, ragged saliency": (
        json.dumps({**OWN[0], "true_saliency": [[1, 2], [1]]}),
        "x.jsonl:1 gives true_saliency as ..1, 2., .1.., which is not a table",
    ),
    "own, no sentence": (
        json.dumps({**OWN[0], "query": None}),
        "x.jsonl:1 gives query as null, which is not a text; write it in quotes",
    ),
    "own, NaN for a score": (
        json.dumps({**OWN[0], "scores": [1.0, float("nan")]}),
        "x.jsonl:1 gives number 2 of its scores as NaN, which is not finite; correct it, or",
    ),
    "no end": (
        json.dumps(DETR[0])
        + "\n"
        + json.dumps({**DETR[1], "pred_relevant_windows": [[0, float("inf"), 1]]}),
        "x.jsonl:2 gives number 1 of its spans as .0.0, Infinity., which is not finite",
    ),
    "NaN for saliency": (
        json.dumps({**DETR[0], "pred_saliency_scores": [float("nan")]}),
        "x.jsonl:1 gives number 1 of its saliency as NaN, which is not finite",
    ),
    "of CBP, NaN": (
        json.dumps(
            {"results": {"v-0": [{"timestamp": [0, 1], "score": float("nan")}]}}
        ),
        "x.jsonl, v-0 gives number 1 of its scores as NaN, which is not finite",
    ),
    "of CBP, twice": (
        '{"results": {"v-0": [], "v-0": []}}',
        "x.jsonl has the key 'v-0' twice in one object; keep one of the two",
    ),
    "too deep": ('{"a": ' * 100_000, "x.jsonl is nested too deeply, or has too long"),
    "too long a number": (
        '{"query_id": ' + "9" * 5000 + "}",
        "x.jsonl is nested too deeply, or has too long",
    ),
    "too deep, in another line": (
        json.dumps(OWN[0]) + "\n" + '{"a": ' * 100_000,
        "x.jsonl:2 cannot be read",
    ),
    "of CBP, no list": (
        json.dumps({"results": {"v-0": None}}),
        "x.jsonl, v-0 is null, which is not a list; correct it",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_answers_are_named_with_file_and_line(
    tmp_path: Path, kind: str
) -> None:
    content, said = DAMAGED[kind]
    path = tmp_path / "x.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=said):
        formats.predictions(path)


NO_WINDOWS = {k: v for k, v in QV[0].items() if k != "relevant_windows"}
WRONG_TRUTHS: dict[str, tuple[Any, str]] = {
    "a release without truth": (
        NO_WINDOWS,
        "t.json:1 has no relevant_windows; give a file with them",
    ),
    "a clip after the video": (
        {**QV[0], "relevant_clip_ids": [15]},
        "t.json:1 cannot be read .there is no clip 15 among 15 clips in 30 s",
    ),
    "fewer clips than given": (
        {**QV[0], "relevant_clip_ids": [1, 2, 3], "saliency_scores": [[1, 1, 1]] * 2},
        "t.json:1 cannot be read",
    ),
    "one time in a window": (
        {**QV[0], "relevant_windows": [[2]]},
        "t.json:1 gives relevant_windows as ..2.., which are not numbers start, end",
    ),
    "no length": (
        {**QV[0], "duration": None},
        "t.json:1 gives duration as null, which is not a number",
    ),
    "more sentences than times": (
        {"v": {"timestamps": [[0, 1]], "sentences": ["a", "b"]}},
        "t.json, v has 1 timestamps and 2 sentences; give each sentence one",
    ),
    "answers": (DETR[0], "not in a known format of truths"),
    "an array": ([QV[0]], "t.json is a JSON array of 1 objects; write one object a l"),
    "own, a clip after the video": (
        {
            **{"video_id": "v", "query": "x", "spans": [[0, 1]], "duration_s": 4},
            **{"clips": [5], "saliency": [[1, 1, 1]]},
        },
        "t.json, v:1 cannot be read .there is no clip 5 among 2 clips in 4 s",
    ),
    "saliency that is no number": (
        {**QV[0], "saliency_scores": [[4, 0, float("nan")]]},
        "t.json:1 gives saliency_scores as .* where not all numbers are finite",
    ),
}


@pytest.mark.parametrize("kind", WRONG_TRUTHS)
def test_a_damaged_truth_is_named_with_file_and_line(tmp_path: Path, kind: str) -> None:
    content, said = WRONG_TRUTHS[kind]
    with pytest.raises(InputError, match=said):
        formats.truths(as_json(tmp_path / "t.json", content))


IMPOSSIBLE: dict[str, tuple[list[float], str]] = {
    "reversed": ([60, 40], "does not start before it ends; give the start first"),
    "of no length": ([40, 40], "does not start before it ends"),
    "NaN": ([float("nan"), 40], "is not a span; give seconds from 0 on"),
    "without an end": ([40, float("inf")], "is not a span"),
    "negative": ([-1, 40], "is not a span"),
}
FORMS: dict[str, tuple[Callable[[Any], str], str]] = {
    "QVHighlights": (
        lambda span: "\n".join(
            json.dumps({**QV[0], "qid": qid, "duration": 90, "relevant_windows": spans})
            for qid, spans in ((1, [[1, 2]]), (2, [[1, 2], span]))
        ),
        ":2 gives relevant_windows with",
    ),
    "CBP": (
        lambda span: json.dumps(
            {"v": {"timestamps": [[0, 4], span], "sentences": ["x", "y"]}}
        ),
        ", v gives timestamps with",
    ),
    "own lines": (
        lambda span: json.dumps({"video_id": "v", "query": "x", "spans": [span]}),
        ":1 has 'x' of v at",
    ),
    "own table": (
        lambda span: "video_id,query,start_s,end_s\nv,x,{},{}\n".format(*span),
        ":2 has 'x' of v at",
    ),
    "own predictions": (
        lambda span: json.dumps({**OWN[0], "truth": [[1, 2], span]}),
        ":1 gives truth with",
    ),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
@pytest.mark.parametrize("form", FORMS)
def test_a_truth_that_cannot_be_is_refused_in_every_format(
    tmp_path: Path, form: str, kind: str
) -> None:
    span, said = IMPOSSIBLE[kind]
    write, place = FORMS[form]
    path = tmp_path / ("t.csv" if "table" in form else "t.json")
    path.write_text(write(span))
    read = formats.predictions if "predictions" in form else formats.truths
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    start, end = (f"{time:g}" for time in span)
    line = str(caught.value).replace("NaN", "nan").replace("Infinity", "inf")
    assert line.startswith(f"{path}{place}")
    assert re.search(rf"{start}(\.0)?(-|, ){end}", line), line


def test_a_truth_after_its_video_is_refused(tmp_path: Path) -> None:
    late = [[30, 40]]
    for content in (
        {**QV[0], "relevant_windows": late},
        {"v": {"timestamps": late, "sentences": ["x"], "duration": 30}},
    ):
        with pytest.raises(InputError, match=r"starts after the video \(30 s\); give"):
            formats.truths(as_json(tmp_path / "t.json", content))


def test_packed_annotations_of_ones_own_are_to_be_unpacked(tmp_path: Path) -> None:
    row = {"query_id": "a", "video_id": "v", "query": "x", "spans": []}
    path = packed(jsonl(tmp_path / "t.jsonl", [row]))
    with pytest.raises(InputError, match="is compressed; unpack it with gunzip"):
        formats.truths(path)


def test_no_content_is_in_two_formats() -> None:
    firsts = [*OWN, *DETR, *QV, CBP, VIDEOS, {**OWN[0], "query_id": 3}]
    for first in firsts:
        known = [
            name
            for table in (formats.PREDICTIONS, formats.TRUTHS)
            for name, each in table.items()
            if each.knows(first)
        ]
        assert len(known) == 1


Capture = pytest.CaptureFixture[str]


def evaluated(capsys: Capture, *arguments: object) -> Called:
    return call(capsys, "evaluate", *arguments)


def test_the_command_measures_a_file(capsys: Capture, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "answers.jsonl", OWN)
    head, *rest = evaluated(capsys, path, "--protocol", "plain").out.splitlines()
    assert head == (
        f"{path}: 1 queries of 2 videos, protocol plain; 1 have no moment and are "
        "left out, which --protocol gmr evaluates"
    )
    assert (
        rest[2] == "IoU=0.5, R@10: 1.0000; IoU=0.5, R@5: 1.0000; IoU=0.5, R@1: 0.0000"
    )
    assert rest[-1] == (
        "answers.jsonl: R@1, IoU=0.5 0.0 [0.0, 0.0], R@1, IoU=0.7 0.0 [0.0, 0.0], "
        "mIoU 0.0 [0.0, 0.0]"
    )


def test_the_command_measures_answers_with_a_truth_apart(
    capsys: Capture, tmp_path: Path
) -> None:
    answers = jsonl(tmp_path / "answers.jsonl", DETR[:1])
    truth = jsonl(tmp_path / "truth.jsonl", QV)
    given = (answers, "--truth", truth, "--protocol", "detr")
    called = evaluated(capsys, *given)
    head, first, *rest = called.out.splitlines()
    assert head == (
        f"{answers}: 2 queries of 2 videos, protocol detr; 1 have no answer and count "
        "as misses"
    )
    assert first.startswith("IoU=0.5, R@1: 0.5000; IoU=0.7, R@1: 0.0000; mAP: 0.")
    assert rest[-1].startswith("answers.jsonl: R@1, IoU=0.5 50.0 [0.0, 100.0], ")
    assert "HIT@1, VeryGood" in rest[-1]
    assert called.err.startswith(
        f"{answers} has no answer to 1 of 2 queries (the first "
    )
    found = json.loads(evaluated(capsys, *given, "--json").out)
    assert (found["queries"], found["unanswered"], found["without_truth"]) == (2, 1, 0)
    assert found["answers"]["answers.jsonl"]["mAP"]["value"] == pytest.approx(0.1625)


def test_the_command_says_at_which_iou_it_suppressed(
    capsys: Capture, tmp_path: Path
) -> None:
    path = jsonl(tmp_path / "answers.jsonl", OWN)
    options = ("--protocol", "2d-tan", "--nms-iou", "0.45")
    head = evaluated(capsys, path, *options).out.splitlines()[0]
    assert "protocol 2d-tan at 0.45;" in head
    assert (
        json.loads(evaluated(capsys, path, *options, "--json").out)["nms_iou"] == 0.45
    )


def test_the_command_refuses_what_does_not_go_with_a_file(
    capsys: Capture, tmp_path: Path
) -> None:
    path = jsonl(tmp_path / "answers.jsonl", OWN)
    for flag in (("--split", "val"), ("--overwrite",), ("--store", tmp_path)):
        called = evaluated(capsys, path, *flag)
        refused(called, f"{flag[0]} is for a run, and .* is a file; leave it out")
    refused(evaluated(capsys, path, "--nms-iou", "0.5"), "has no --nms-iou; leave")
    refused(
        evaluated(capsys, path, "--truth", tmp_path / "none"),
        "none cannot be read .No such file",
    )
    refused(
        evaluated(capsys, tmp_path / "none"), "none does not exist; give the folder "
    )
    refused(
        evaluated(capsys, path, "--protocol", "didemo", "--truth", _other(tmp_path)),
        r"the truth of the query a of v, 1.5-4 s, is not of whole chunks of 5 s",
    )


def _other(tmp_path: Path) -> Path:
    rows = [
        {"query_id": "a", "video_id": "v", "query": "x", "spans": [[1.5, 4]]},
        {"query_id": "b", "video_id": "w", "query": "x", "spans": [[0, 4]]},
    ]
    return jsonl(tmp_path / "other.jsonl", rows)


def test_own_annotations_bring_chunks_saliency_and_lengths(tmp_path: Path) -> None:
    row = {"query_id": "a", "video_id": "v", "query": "x", "spans": [[2, 4]]}
    facts = {"duration_s": 9.0, "chunks": [[0, 0], [1, 1]], "clips": [1]}
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({**row, **facts, "saliency": [[4, 2, 3]]}) + "\n")
    (truth,) = formats.truths(path)
    assert truth.duration_s == 9.0
    assert truth.chunks is not None and truth.chunks.tolist() == [[0, 0], [1, 1]]
    assert truth.saliency is not None
    assert truth.saliency.tolist() == [[0, 0, 0], [4, 2, 3], [0, 0, 0], [0, 0, 0]]
