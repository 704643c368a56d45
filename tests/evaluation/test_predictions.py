"""Answers on disk."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.errors import InputError
from slta.evaluation.measuring import measure
from slta.evaluation.predictions import Prediction, read, write
from slta.moments import Query, Span, ranking

QUERY = Query("a_3", "a", "a man sits\u2028\n“here”", (Span(1.5, 4.0),))
TIMES = st.floats(-5, 200, allow_nan=False)


def prediction(
    query: Query = QUERY,
    spans: list[tuple[float, float]] | None = None,
    scores: list[float] | None = None,
) -> Prediction:
    spans = [(1.0, 4.2), (0.0, 12.0), (3.0, 2.0)] if spans is None else spans
    scores = [3.1, -0.25, 1e-9] if scores is None else scores
    return Prediction.of(
        query, 12.0, np.array(spans).reshape(-1, 2), np.array(scores, np.float64)
    )


@given(st.lists(st.tuples(TIMES, TIMES, st.floats(-1e9, 1e9)), max_size=6))
def test_what_is_written_is_read(rows: list[tuple[float, float, float]]) -> None:
    import tempfile

    each = prediction(spans=[row[:2] for row in rows], scores=[row[2] for row in rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a" / "test.jsonl"
        write(path, [each, each])
        found = read(path)
    assert len(found) == 2
    for other in found:
        assert (other.query_id, other.video_id) == ("a_3", "a")
        assert (other.query, other.duration_s) == (QUERY.query, 12.0)
        assert other.truth.tolist() == [[1.5, 4.0]]
        assert other.scores.tolist() == each.scores.tolist()
        assert other.spans.shape == each.spans.shape
        assert other.spans.tolist() == each.spans.tolist()


def test_a_file_is_measured_as_what_it_was_written_from(tmp_path: Path) -> None:
    """The span has an IoU of a half with the truth, and less once it is rounded."""
    query = Query("a", "a", "x", (Span(0.0, 32 / 3),))
    each = prediction(query, [(0.0, 16 / 3)], [1.0])
    write(tmp_path / "test.jsonl", [each])
    for rows in ([each], read(tmp_path / "test.jsonl")):
        assert measure(rows, "plain").recall(n=1, iou=0.5) == 1.0


def test_a_query_without_a_truth_keeps_none(tmp_path: Path) -> None:
    queries = [Query("a", "a", "x", None), Query("b", "a", "x", ())]
    write(tmp_path / "test.jsonl", [prediction(query) for query in queries])
    for found in read(tmp_path / "test.jsonl"):
        assert found.truth.shape == (0, 2)


def test_each_line_is_a_query(tmp_path: Path) -> None:
    write(tmp_path / "test.jsonl", [prediction(), prediction()])
    first, second = (tmp_path / "test.jsonl").read_bytes().splitlines()
    assert first == second
    assert json.loads(first) == {
        "query_id": "a_3",
        "video_id": "a",
        "query": QUERY.query,
        "duration_s": 12.0,
        "truth": [[1.5, 4.0]],
        "spans": [[1.0, 4.2], [0.0, 12.0], [3.0, 2.0]],
        "scores": [3.1, -0.25, 1e-9],
    }


def test_letters_beyond_ascii_may_stand_as_they_are(tmp_path: Path) -> None:
    """Other programs write them so, a line separator among them."""
    path = tmp_path / "test.jsonl"
    write(path, [prediction(), prediction()])
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_bytes(text.encode())
    assert [each.query for each in read(path)] == [QUERY.query] * 2


GOOD = {
    "query_id": "a",
    "video_id": "a",
    "query": "x",
    "duration_s": 3.0,
    "truth": [],
    "spans": [[0, 1]],
    "scores": [1.0],
}
DAMAGED = {
    "half a line": json.dumps(GOOD)[:40],
    "no text": b"\xff\xfe\xff".decode("latin1"),
    "empty": "",
    "a list": "[]",
    "null": "null",
    "no query_id": json.dumps({k: v for k, v in GOOD.items() if k != "query_id"}),
    "no spans": json.dumps({k: v for k, v in GOOD.items() if k != "spans"}),
    "spans of three": json.dumps(GOOD | {"spans": [[0, 1, 2]]}),
    "spans in one row": json.dumps(GOOD | {"spans": [0, 1]}),
    "spans of four": json.dumps(GOOD | {"spans": [[0, 1, 2, 3]], "scores": [1, 2]}),
    "more scores": json.dumps(GOOD | {"scores": [1.0, 2.0]}),
    "scores of two": json.dumps(GOOD | {"scores": [[1.0]]}),
    "words for scores": json.dumps(GOOD | {"scores": ["high"]}),
    "no length": json.dumps(GOOD | {"duration_s": None}),
    "a truth that ends first": json.dumps(GOOD | {"truth": [[0, 1], [3, 2]]}),
    "a huge number": json.dumps(GOOD | {"scores": [10**400]}),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_line_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "test.jsonl"
    lines = [json.dumps(GOOD), DAMAGED[kind], json.dumps(GOOD)]
    path.write_bytes("\n".join(lines).encode("latin1"))
    says = r"test\.jsonl:2 is not a prediction \([^()]*\); make the file again$"
    with pytest.raises(InputError, match=says):
        read(path)


def test_missing_predictions_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no file of predictions .*test\.jsonl; make it"
    ):
        read(tmp_path / "test.jsonl")


def test_a_file_without_predictions_is_named(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text("")
    with pytest.raises(InputError, match=r"test\.jsonl has no predictions"):
        read(tmp_path / "test.jsonl")


def test_ranked_answers_are_those_of_a_search() -> None:
    each = prediction(
        spans=[(-1.0, 4.0), (0.0, 3.9), (5.0, 30.0), (7.0, 6.0)],
        scores=[1.0, 2.0, 0.5, 9.0],
    )
    moments = ranking.rank("a", each.spans, each.scores, duration_s=12.0)
    assert each.moments() == moments
    assert each.moments(top=1) == moments[:1]
    ranked = each.ranked()
    assert ranked.spans.tolist() == [[0.0, 3.9], [5.0, 12.0]]
    assert ranked.scores.tolist() == [2.0, 0.5]
    assert (ranked.query_id, ranked.video_id) == (each.query_id, each.video_id)
    assert ranked.truth.tolist() == each.truth.tolist()


def test_where_no_candidate_is_left_there_are_no_answers() -> None:
    ranked = prediction(spans=[(3.0, 2.0)], scores=[1.0]).ranked()
    assert ranked.spans.shape == (0, 2) and ranked.scores.shape == (0,)
