"""What each protocol looks at in a prediction."""

import itertools
from dataclasses import replace
from random import Random
from typing import get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slta.cli.evaluate import Evaluate
from slta.errors import InputError
from slta.evaluation.measuring import measure
from slta.evaluation.metrics import FIRST, IOUS
from slta.evaluation.metrics import didemo as measures
from slta.evaluation.predictions import Prediction
from slta.evaluation.protocols import PROTOCOLS, answered_chunks, true_chunks
from slta.moments import Query
from slta.moments.candidates import didemo, didemo_chunks
from tests.reference import didemo as slow_didemo
from tests.reference import metrics as slow
from tests.reference.spans import Pair


def prediction(
    spans: list[Pair],
    truth: list[Pair],
    scores: list[float] | None = None,
    duration_s: float | None = 30.0,
) -> Prediction:
    falling = [-float(i) for i in range(len(spans))]
    made = Prediction.of(
        Query("q", "v", "x"),
        0.0,
        np.array(spans, np.float64).reshape(-1, 2),
        np.array(falling if scores is None else scores, np.float64),
    )
    true = np.array(truth, np.float64).reshape(-1, 2)
    return replace(made, truth=true, duration_s=duration_s)


def final(*spans: Pair, truth: list[Pair], scores: list[float]) -> Prediction:
    made = prediction(list(spans), truth, scores, duration_s=None)
    return replace(made, final=True)


def test_the_command_offers_every_protocol() -> None:
    assert set(get_args(get_type_hints(Evaluate)["protocol"])) == set(PROTOCOLS)
    assert set(PROTOCOLS) == {
        *("ctrl", "plain", "2d-tan", "detr", "gmr", "didemo", "acrn-didemo")
    }


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_is_shown_is_measured(name: str) -> None:
    saliency = np.array([1.0, 0.0])
    asked = replace(
        prediction([(0, 5)], [(0, 5)]),
        saliency=saliency,
        true_saliency=saliency[:, None],
    )
    long, middle = (replace(asked, truth=np.array([[0, n]])) for n in (60.0, 20.0))
    several = replace(asked, truth=np.array([[0, 5], [9.0, 10]]))
    absent = replace(asked, truth=np.zeros((0, 2)), annotated=True)
    given = [asked] if "didemo" in name else [asked, long, middle, several, absent]
    table, protocol = measure(given, name), PROTOCOLS[name]
    measured = {*table.values, *table.statistics}
    assert measured >= {*protocol.shown, *itertools.chain(*protocol.log)}


@pytest.mark.parametrize(
    ("name", "measured", "of_answers", "of_candidates"),
    [
        ("plain", "R@5, IoU=0.5", 1, 0),
        ("detr", "mAP, IoU=0.5", 0.5, 0),
        ("ctrl", "R@5, IoU=0.5", 0, 0),
        ("2d-tan", "R@5, IoU=0.5", 0, 0),
    ],
)
def test_answers_of_others_are_suppressed_only_where_the_protocol_does(
    name: str, measured: str, of_answers: float, of_candidates: float
) -> None:
    """The second overlaps the first by 0.6, and only it is right."""
    given = final((0, 8), (2, 10), truth=[(2, 15)], scores=[2.0, 1.0])
    assert measure([given], name).mean(measured) == of_answers
    candidates = replace(given, final=False, duration_s=30.0)
    assert measure([candidates], name).mean(measured) == of_candidates


@pytest.mark.parametrize("name", ["plain", "ctrl", "2d-tan"])
def test_final_answers_count_in_their_order_whatever_their_scores(name: str) -> None:
    right, wrong = (0.0, 5.0), (20.0, 25.0)
    for first, second, expected in ((right, wrong, 1), (wrong, right, 0)):
        given = [final(first, second, truth=[right], scores=[0.1, 0.9])]
        assert measure(given, name).recall(n=1, iou=0.5) == expected


candidates = st.lists(
    st.tuples(
        st.integers(-4, 64), st.integers(-2, 40), st.integers(0, 6).map(float)
    ).map(lambda t: (t[0] / 2, (t[0] + t[1]) / 2, t[2])),
    max_size=12,
)


@given(candidates)
def test_2d_tan_cuts_candidates_to_the_video_and_suppresses_them_once(
    rows: list[tuple[float, float, float]],
) -> None:
    spans, scores = [row[:2] for row in rows], [row[2] for row in rows]
    truth: list[Pair] = [(3.0, 9.0), (20.0, 30.0)]
    table = measure([prediction(spans, truth, scores)], "2d-tan")
    cut = [(max(start, 0.0), min(end, 30.0)) for start, end in spans]
    kept = [
        (span, score)
        for span, score in zip(cut, scores, strict=True)
        if span[0] < span[1]
    ]
    for n in FIRST:
        for iou in IOUS:
            assert table.recall(n=n, iou=iou) == slow.tan2d_recall(
                [[span for span, _ in kept]],
                [[score for _, score in kept]],
                [truth],
                n,
                iou,
                0.5,
            )


def test_the_suppression_of_2d_tan_can_be_chosen() -> None:
    # They overlap by 5 / 10.5 = 0.476.
    given = [prediction([(0, 7.75), (2.75, 10.5)], [(2.75, 10.5)])]
    assert measure(given, "2d-tan").recall(n=5, iou=0.9) == 1
    assert measure(given, "2d-tan", 0.45).recall(n=5, iou=0.9) == 0
    assert measure(given, "2d-tan", 0.5).as_dict() == measure(given, "2d-tan").as_dict()
    with pytest.raises(InputError, match=r"no --nms-iou; .* give --protocol 2d-tan"):
        measure(given, "ctrl", 0.5)
    with pytest.raises(InputError, match=r"--nms-iou must be in \[0, 1\], got 45"):
        measure(given, "2d-tan", 45.0)


def test_detr_measures_the_answers_of_a_search() -> None:
    given = prediction([(-4, 8), (0, 8), (20, 40)], [(20, 30), (0, 8)], [1.0, 2.0, 0.5])
    found = measure([given], "detr")
    assert found.as_dict() == measure([given.ranked()], "detr").as_dict()
    assert found.mean("mAP") == 1
    assert not [name for name in found.values if name.startswith("H")]


def test_detr_measures_highlights_where_they_are_known() -> None:
    given = replace(
        prediction([(0, 8)], [(0, 8)]),
        saliency=np.array([1.0, 2.0]),
        true_saliency=np.array([[0.0, 0], [4, 1]]),
    )
    without = prediction([(0, 8)], [(0, 8)])
    values = measure([given, without], "detr").values
    np.testing.assert_array_equal(values["HIT@1, VeryGood"], [1, np.nan])
    np.testing.assert_array_equal(values["HL mAP, VeryGood"], [0.5, np.nan])


DURATIONS = st.one_of(
    st.sampled_from([5.0, 20.5, 25.0, 27.3, 30.0, 41.7]), st.floats(1.0, 60.0)
)


@given(DURATIONS, st.randoms(use_true_random=False))
def test_didemos_candidates_are_its_moments_in_the_order_of_their_scores(
    duration_s: float, random: Random
) -> None:
    spans, chunks = didemo(duration_s).tolist(), didemo_chunks(duration_s).tolist()
    order = list(range(len(spans)))
    random.shuffle(order)
    scores = [0.0] * len(spans)
    for place, i in enumerate(order):
        scores[i] = -float(place)
    given = prediction(spans, [(0, 5)], scores, duration_s)
    assert answered_chunks(given).tolist() == [chunks[i] for i in order]


@given(DURATIONS, st.lists(st.integers(0, 20), min_size=1, max_size=7))
def test_every_annotators_span_is_read_as_its_chunks(
    duration_s: float, marks: list[int]
) -> None:
    """Cut to the video or not; annotators who agree are as many as they are."""
    chunks = didemo_chunks(duration_s)
    chosen = chunks[np.array(marks) % len(chunks)]
    cut = didemo(duration_s)[np.array(marks) % len(chunks)]
    whole = (chosen + np.array([0, 1])) * 5.0
    for spans in (cut, whole, np.round(cut, 4)):
        given = replace(prediction([], [], duration_s=duration_s), truth=spans)
        assert true_chunks(given).tolist() == chosen.tolist()
    given = replace(prediction([], [], duration_s=None), truth=whole)
    assert true_chunks(given).tolist() == chosen.tolist()


def test_the_chunks_that_a_reader_gives_count_before_the_spans() -> None:
    marks = np.array([[0, 0], [0, 0], [1, 1], [5, 5]])
    given = replace(prediction([(0, 5)], [(1.3, 2.4)]), chunks=marks)
    assert true_chunks(given) is marks
    assert measure([given], "acrn-didemo").recall(n=1, iou=0.9) == 1
    assert measure([given], "didemo").mean("mIoU") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "span", [(1.0, 5.0), (0.0, 4.0), (0.0, 35.0), (30.0, 35.0), (2.5, 7.5)]
)
@pytest.mark.parametrize("name", ["didemo", "acrn-didemo"])
def test_a_truth_that_is_not_of_didemo_is_named(name: str, span: Pair) -> None:
    given = prediction([(0, 5)], [(0, 5), span])
    with pytest.raises(
        InputError,
        match=rf"query q of v, {span[0]:g}-{span[1]:g} s, is not of whole chunks of 5 s",
    ):
        measure([given], name)


@given(
    st.lists(
        st.tuples(st.floats(0, 34), st.floats(0.1, 20)).map(
            lambda p: (p[0], p[0] + p[1])
        ),
        max_size=8,
    )
)
def test_an_answer_stands_for_the_moment_that_it_fits_best(spans: list[Pair]) -> None:
    found = answered_chunks(prediction(spans, []))
    wanted: list[tuple[int, int]] = []
    for start, end in spans:
        fits = {}
        for i, j in didemo_chunks(30.0).tolist():
            shared = min(end, 5.0 * j + 5) - max(start, 5.0 * i)
            hull = max(end, 5.0 * j + 5) - min(start, 5.0 * i)
            fits[i, j] = shared / hull
        best = max(fits, key=lambda moment: fits[moment])
        if fits[best] > 0 and best not in wanted:
            wanted.append(best)
    assert [tuple(each) for each in found.tolist()] == wanted


def test_answers_after_the_last_chunk_stand_for_none() -> None:
    assert answered_chunks(prediction([(30, 35), (31, 40)], [])).shape == (0, 2)
    assert answered_chunks(prediction([], [])).shape == (0, 2)
    table = measure([prediction([(30, 35)], [(0, 5)])], "didemo")
    assert table.as_dict() == {"Rank@1": 0, "Rank@5": 0, "mIoU": 0, "queries": 1}


@given(
    st.lists(
        st.tuples(
            st.permutations(range(21)),
            st.lists(st.integers(0, 20), min_size=1, max_size=7),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_didemo_from_seconds_is_didemo_from_chunks(
    case: list[tuple[list[int], list[int]]],
) -> None:
    chunks, spans = didemo_chunks(30.0), didemo(30.0)
    given = [
        replace(
            prediction(spans[np.array(order)].tolist(), []),
            truth=spans[np.array(marks)],
        )
        for order, marks in case
    ]
    as_chunks = [
        (
            [tuple(each) for each in chunks[np.array(order)].tolist()],
            [tuple(each) for each in chunks[np.array(marks)].tolist()],
        )
        for order, marks in case
    ]
    table = measure(given, "didemo")
    expected = np.mean([slow_didemo.query(*each) for each in as_chunks], axis=0)
    found = [table.mean(name) for name in ("Rank@1", "Rank@5", "mIoU")]
    assert found == pytest.approx(expected.tolist())
    recalls = measure(given, "acrn-didemo")
    for name in measures.REPORTED:
        n, m = int(name[2]), float(name.split("=")[1])
        hits = [slow_didemo.recall(*each, n, m) for each in as_chunks]
        assert recalls.mean(name) == pytest.approx(np.mean(hits))


def test_an_answer_to_a_video_of_unknown_length_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match="length of the video 'v' is not known"):
        prediction([(0, 5)], [(0, 5)], duration_s=None).ranked()
