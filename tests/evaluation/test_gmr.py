"""The metrics of queries with no moment, one or several."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.evaluation.formats.joining import load
from slta.evaluation.measuring import compared, measure, numbers
from slta.evaluation.metrics import Table, gmr
from slta.evaluation.metrics.detr import IOUS
from slta.evaluation.predictions import Prediction, read, write
from slta.moments.spans import temporal_iou
from tests.support.commands import call, refused


def prediction(
    name: str,
    truth: list[list[float]],
    spans: list[list[float]],
    scores: list[float],
    existence: float | None = None,
    *,
    annotated: bool = True,
) -> Prediction:
    return Prediction(
        name,
        f"video of {name}",
        "a query",
        100.0,
        np.array(truth, float).reshape(-1, 2),
        np.array(spans, float).reshape(-1, 2),
        np.array(scores, float),
        final=True,
        existence=existence,
        annotated=annotated,
    )


@pytest.mark.real
def test_every_number_is_that_of_the_published_program(
    shared: Path, tmp_path: Path
) -> None:
    folder = shared / "golden" / "gmr"
    truth = (folder / "truth.jsonl").read_text().splitlines()
    known = {json.loads(line)["qid"] for line in truth}
    answers = (folder / "predictions.jsonl").read_text().splitlines()
    # That program leaves out answers to queries of other splits.
    kept = [line for line in answers if json.loads(line)["qid"] in known]
    (tmp_path / "answers.jsonl").write_text("\n".join(kept))
    joined = load(tmp_path / "answers.jsonl", folder / "truth.jsonl")
    table = measure(joined.predictions, "gmr")
    expected = json.loads((folder / "metrics.json").read_text())
    found = {name: float(f"{100 * table.mean(name):.2f}") for name in names(table)}
    assert {name: found[name] for name in expected["brief"]} == expected["brief"]
    rejected = expected["GMR-CLS"]["per_threshold"]
    for threshold, row in rejected.items():
        for name in ("Rej-F1", "Rej-P", "Rej-R", "Acc"):
            assert found[f"{name}@{threshold}"] == row[name]
    parts = {"mAP": expected["mAP_detail"]["AP@IoU"]}
    for kind, k in itertools.product(("mR", "mR+"), gmr.FIRST):
        parts[f"{kind}@{k}"] = expected[f"{kind}_detail"][f"{kind}@{k}_per_IoU"]
    for name, by_iou in parts.items():
        for iou in IOUS:
            assert found[f"{name}, IoU={iou}"] == by_iou[f"{iou:.2f}"], name
    stats = expected["stats"]
    assert table.queries == stats["num_total"]
    several = np.isfinite(table.values["mR+@1"]).sum()
    assert several == stats["num_multi_instance"]


def names(table: Table) -> list[str]:
    return [*table.statistics, *table.values]


spans = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 10)).map(
        lambda x: [x[0], x[0] + x[1]]
    ),
    max_size=4,
)


@given(st.lists(st.tuples(spans, spans, st.integers(0, 10)), min_size=1, max_size=6))
def test_a_second_spelling_says_the_same(rows: list[Any]) -> None:
    rows = [*rows, ([[0, 5]], [[1, 5]], 7)]
    found = measure(
        [
            prediction(str(i), truth, answers, [1.0] * len(answers), level / 10)
            for i, (truth, answers, level) in enumerate(rows)
        ],
        "gmr",
    )
    there = [(level / 10, bool(truth)) for truth, _, level in rows]
    pairs = [(a, b) for a, x in there for b, y in there if x and not y]
    if pairs:
        wins = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
        assert found.mean("AUROC") == pytest.approx(wins / len(pairs))
    else:
        assert not found.statistics
    for threshold in gmr.THRESHOLDS if pairs else ():
        rejected = [(level <= threshold, not x) for level, x in there]
        right = sum(a and b for a, b in rejected)
        either = sum(a for a, _ in rejected) + sum(b for _, b in rejected)
        expected = 2 * right / either if either else 0.0
        assert found.mean(f"Rej-F1@{threshold}") == pytest.approx(expected)
    for k in gmr.FIRST:
        shares, ious, sets = [], [], []
        for truth, answers, level in rows:
            shown = answers[:k] if level > 10 * gmr.GATE else []
            matched = slowly_matched(shown, truth, 0.0)
            size = len(shown) + len(truth) - len(matched)
            sets.append(sum(matched) / size if size else 1.0)
            if truth:
                per = [len(slowly_matched(answers[:k], truth, iou)) for iou in IOUS]
                shares.append(np.mean(per) / len(truth))
                forced = slowly_matched(answers[:k], truth, 0.0)
                ious.append(sum(forced) / min(k, len(truth)))
        assert found.mean(f"mR@{k}") == pytest.approx(np.mean(shares))
        assert found.mean(f"mIoU@{k}") == pytest.approx(np.mean(ious))
        assert found.mean(f"G-mIoU@{k}") == pytest.approx(np.mean(sets))


def slowly_matched(
    answers: list[list[float]], truth: list[list[float]], least: float
) -> list[float]:
    """One answer after the other takes the free true span that fits it best."""
    free, found = [*truth], []
    for answer in answers:
        fits = [
            float(temporal_iou(np.array([answer], float), np.array([t], float))[0, 0])
            for t in free
        ]
        if fits and max(fits) >= least:
            found.append(max(fits))
            del free[fits.index(max(fits))]
    return found


def test_without_an_existence_score_the_highest_score_counts() -> None:
    rows = [
        prediction("there", [[0, 9]], [[0, 9], [3, 4]], [0.2, 0.7]),
        prediction("absent", [], [[0, 9]], [0.5]),
        prediction("absent, without answers", [], [], []),
        prediction("absent, by its own word", [], [[0, 9]], [0.99], 0.1),
    ]
    table = measure(rows, "gmr")
    assert table.mean("AUROC") == 1
    # One of three is not rejected at 0.4.
    assert table.mean("Rej-R@0.4") == pytest.approx(2 / 3)
    assert table.mean("Acc@0.6") == 1


def test_intervals_of_statistics_are_by_videos() -> None:
    rng = np.random.default_rng(0)
    rows = [
        prediction(
            str(i),
            [[0, 9]] if i % 2 else [],
            [[0, 9]],
            [1.0],
            rng.normal(i % 2) / 5 + 0.4,
        )
        for i in range(60)
    ]
    found = numbers(rows, "gmr")
    low, high = found["AUROC"]["interval"]
    assert 0.5 < low < found["AUROC"]["value"] < high < 1
    assert found["Rej-F1@0.4"]["interval"][0] < found["Rej-F1@0.4"]["value"]


def test_what_another_protocol_leaves_out_is_told(tmp_path: Path) -> None:
    rows = [
        prediction("there", [[0, 9]], [[0, 9]], [0.7]),
        prediction("absent", [], [[0, 9]], [0.5]),
        prediction("not known", [], [[0, 9]], [0.5], annotated=False),
    ]
    for protocol, queries in (("plain", 1), ("gmr", 2)):
        found = compared({"model": rows}, protocol)
        assert found["queries"] == queries
        assert (found["without_truth"], found["without_moment"]) == (1, 1)


def test_the_command_says_which_protocol_measures_absent_queries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        prediction("there", [[0, 9]], [[0, 9]], [0.7]),
        prediction("absent", [], [[0, 9]], [0.5], 0.3),
    ]
    write(tmp_path / "p.jsonl", rows)
    plain = call(capsys, "evaluate", tmp_path / "p.jsonl", "--protocol", "plain")
    assert (
        "1 have no moment and are left out, which --protocol gmr evaluates" in plain.out
    )
    found = call(capsys, "evaluate", tmp_path / "p.jsonl", "--protocol", "gmr")
    assert "2 queries of 2 videos" in found.out and "AUROC: 1.0000" in found.out
    write(tmp_path / "p.jsonl", rows[1:])
    nothing = call(capsys, "evaluate", tmp_path / "p.jsonl", "--protocol", "gmr")
    refused(nothing, "no query has a true span")


def test_existence_and_unknown_truth_are_kept_on_disk(tmp_path: Path) -> None:
    rows = [
        prediction("absent", [], [[0, 9]], [0.5], 0.3),
        prediction("not known", [], [[0, 9]], [0.5], annotated=False),
    ]
    write(tmp_path / "p.jsonl", rows)
    kept = read(tmp_path / "p.jsonl")
    assert [each.existence for each in kept] == [0.3, None]
    assert [each.annotated for each in kept] == [True, False]
