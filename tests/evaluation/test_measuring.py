"""From answers to numbers, with their intervals."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from slta.errors import InputError
from slta.evaluation.measuring import WITHOUT_VIDEO, lines, measure, numbers
from slta.evaluation.metrics import FIRST, IOUS
from slta.evaluation.predictions import Prediction
from slta.evaluation.protocols import PROTOCOLS
from slta.moments import Query, Span
from tests.reference import metrics as slow
from tests.reference.spans import Pair

DURATION_S = 30.0


def predictions(seed: int = 0, queries: int = 40) -> list[Prediction]:
    rng = np.random.default_rng(seed)
    found = []
    for i in range(queries):
        start = rng.uniform(0, 20)
        truth = (Span(start, start + rng.uniform(2, 9)),)
        near = start + rng.normal(0, 3, 12)
        spans = np.stack([near, near + rng.uniform(-1, 9, 12)], axis=1)
        query = Query(f"q{i}", f"v{i % 7}", "x", truth)
        found.append(Prediction.of(query, DURATION_S, spans, rng.normal(size=12)))
    return found


def suited(protocol: str, seed: int = 0, queries: int = 40) -> list[Prediction]:
    """Answers as the protocol takes them: DiDeMo's truths are whole chunks."""
    found = predictions(seed, queries)
    if "didemo" not in protocol:
        return found
    whole = [5 * (each.truth[:, :1] // 5) + np.array([0, 5]) for each in found]
    return [replace(each, truth=t) for each, t in zip(found, whole, strict=True)]


def pairs(spans: np.ndarray) -> list[Pair]:
    return [(float(start), float(end)) for start, end in spans]


def test_ctrl_measures_the_candidates_as_the_model_moved_them() -> None:
    given = predictions()
    table = measure(given, "ctrl")
    for n in FIRST:
        for iou in IOUS:
            assert table.recall(n=n, iou=iou) == slow.ctrl_recall(
                [pairs(each.spans) for each in given],
                [each.scores.tolist() for each in given],
                [pairs(each.truth) for each in given],
                n,
                iou,
            )


def test_plain_measures_the_answers_of_a_search() -> None:
    given = predictions()
    table = measure(given, "plain")
    ranked: list[list[Pair]] = [
        [(moment.span.start, moment.span.end) for moment in each.moments()]
        for each in given
    ]
    truths = [pairs(each.truth) for each in given]
    for n in FIRST:
        for iou in IOUS:
            assert table.recall(n=n, iou=iou) == slow.recall(ranked, truths, n, iou)
    assert table.mean_iou == pytest.approx(slow.mean_iou(ranked, truths))


def test_the_protocols_differ() -> None:
    ctrl, plain = (measure(predictions(), name) for name in ("ctrl", "plain"))
    assert ctrl.as_dict() != plain.as_dict()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_queries_without_a_truth_are_left_out(protocol: str) -> None:
    given = suited(protocol)
    without = replace(given[0], truth=np.zeros((0, 2)), annotated=False)
    mixed = [without, *given, without]
    assert measure(mixed, protocol).as_dict() == measure(given, protocol).as_dict()
    assert numbers(mixed, protocol) == numbers(given, protocol)
    with pytest.raises(InputError, match="no query has a true span"):
        measure([without], protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["spans", "scores"])
def test_answers_that_are_no_numbers_are_named(protocol: str, name: str) -> None:
    given = suited(protocol, queries=3)
    values = getattr(given[1], name).copy()
    values.flat[-1] = np.nan
    given[1] = replace(given[1], **{name: values})
    with pytest.raises(
        InputError, match=r"query q1 of v1 are not finite; look for NaN"
    ):
        measure(given, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(5))
def test_every_number_lies_in_its_interval(protocol: str, seed: int) -> None:
    given = suited(protocol, seed)
    found = numbers(given, protocol)
    table = measure(given, protocol).as_dict()
    assert found.keys() == table.keys() - {"queries"}
    for name, each in found.items():
        assert each["value"] == pytest.approx(table[name], abs=1e-12)
        low, high = each["interval"]
        assert 0 <= low <= each["value"] <= high <= 1


def test_the_same_answers_give_the_same_numbers() -> None:
    assert numbers(predictions(), "ctrl") == numbers(predictions(), "ctrl")


def test_intervals_are_over_videos() -> None:
    """Queries of one video are alike: with one video there is nothing to draw."""
    alone = [replace(each, video_id="v") for each in predictions()]
    for each in numbers(alone, "plain").values():
        assert each["interval"] == pytest.approx([each["value"]] * 2)
    wide = numbers(predictions(), "plain")["mIoU"]["interval"]
    assert wide[1] - wide[0] > 0.01


def test_lines_read_as_the_fields_logs() -> None:
    answers = {
        kind: numbers(predictions(), "ctrl") for kind in ("SLTA", *WITHOUT_VIDEO)
    }
    found: dict[str, Any] = {
        "split": "test",
        "protocol": "ctrl",
        "queries": 40,
        "videos": 7,
        "answers": answers,
    }
    head, *table = lines(found)
    assert head == "test: 40 queries of 7 videos, protocol ctrl"
    assert table[:5] == measure(predictions(), "ctrl").lines()
    for line, iou in zip(table[:5], ("0.1", "0.3", "0.5", "0.7", "0.9"), strict=True):
        assert re.fullmatch(
            rf"IoU={iou}, R@10: [01]\.\d{{4}}; IoU={iou}, R@5: [01]\.\d{{4}}; "
            rf"IoU={iou}, R@1: [01]\.\d{{4}}",
            line,
        )
    number = r"\d+\.\d \[\d+\.\d, \d+\.\d\]"
    rest = rf"R@1, IoU=0\.5 {number}, R@1, IoU=0\.7 {number}, mIoU {number}"
    for line, kind in zip(table[5:], ("SLTA", *WITHOUT_VIDEO), strict=True):
        assert re.fullmatch(f"{kind}: {rest}", line)
