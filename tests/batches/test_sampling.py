"""Batches to learn from: what is drawn, and what it is compared with."""

from dataclasses import fields, replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from slta.batches.candidate_batch import Batch, TrainingBatch, candidates_of
from slta.batches.sampling import USUAL, Sampler
from slta.datasets.split import Split
from slta.features.base import QueryFeatures
from slta.moments import Span
from slta.moments.candidates import windows
from slta.moments.spans import as_array, temporal_iou
from tests.support import worlds

RATE_HZ, DURATION_S, CONTEXT_S = 2.0, 40.0, 3.0
LENGTHS_S, OVERLAP = (4.0, 8.0), 0.75
SEEDS = range(6)


def truths(seed: int) -> list[tuple[Span, ...] | None]:
    """Some of a length that windows have, and some that cannot be learnt from."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 30, 5)
    found: list[tuple[Span, ...] | None] = [
        (Span(start, start + rng.uniform(4, 8)),) for start in starts
    ]
    twice = found[0]
    return [
        *found,
        twice,
        None,
        (),
        (Span(0.0, 0.5),),
        (Span(1.0, 6.0), Span(20.0, 26.0)),
    ]


WORLD = worlds.split(
    {f"film {i}": truths(i) for i in range(6)},
    duration_s=DURATION_S,
    rate_hz=RATE_HZ,
)
USABLE = 6 * 7
WINDOWS = windows(DURATION_S, lengths_s=LENGTHS_S, overlap=OVERLAP)


def sampler(split: Split = WORLD, **given: Any) -> Sampler:
    usual = {"queries": 4, "queries_per_video": 1, "negatives": None, "background": 0}
    return Sampler(
        split,
        windows=partial(windows, lengths_s=LENGTHS_S, overlap=OVERLAP),
        context_s=CONTEXT_S,
        rate_hz=RATE_HZ,
        **(usual | given),
    )


KINDS: dict[str, dict[str, Any]] = {
    "paper": {},
    "few": {"negatives": 2},
    "none": {"negatives": 0, "background": 3},
    "several a video": {"queries": 9, "queries_per_video": 3},
    "background": {"queries": 6, "queries_per_video": 2, "background": 5},
    "everything": {"queries": 40, "queries_per_video": 9, "background": 20},
    "alike": {"queries": 9, "queries_per_video": 0},
}


def drawn(kind: str) -> list[TrainingBatch]:
    found = sampler(**KINDS[kind])
    return [found.draw(0, step, 0) for step in SEEDS]


def asked(batch: Batch) -> list[int]:
    """Which of the world's queries a batch asks, by their words' vectors."""
    by_words = {
        query.word_vectors.tobytes(): i for i, query in enumerate(WORLD.query_features)
    }
    return [
        by_words[words[: int(mask.sum())].numpy().tobytes()]
        for words, mask in zip(batch.words, batch.word_mask, strict=True)
    ]


def candidates(batch: Batch) -> list[tuple[str, int]]:
    """Which video and window each candidate of a batch is, by its clips."""
    return [KNOWN[clips.numpy().tobytes()] for clips in batch.clips]


def _known() -> dict[bytes, tuple[str, int]]:
    found: dict[bytes, tuple[str, int]] = {}
    for name, features in WORLD.videos.items():
        every = candidates_of(features, WINDOWS, rate_hz=RATE_HZ, context_s=CONTEXT_S)
        for number, clips in enumerate(every.clips):
            found[clips.tobytes()] = name, number
    assert len(found) == len(WORLD.videos) * len(WINDOWS)
    return found


KNOWN = _known()


def truth_of(number: int) -> Float[np.ndarray, "m 2"]:
    return as_array(WORLD.queries[number].truth or ())


def equal(a: TrainingBatch, b: TrainingBatch) -> bool:
    same = [
        torch.equal(getattr(a.batch, field.name), getattr(b.batch, field.name))
        for field in fields(Batch)
    ]
    return (
        all(same)
        and torch.equal(a.matching, b.matching)
        and torch.equal(a.offsets_s, b.offsets_s)
        and torch.equal(a.elsewhere, b.elsewhere)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_draw_the_same_batch(kind: str) -> None:
    one, other = sampler(**KINDS[kind]), sampler(**KINDS[kind])
    other.draw(7, 7, 7)
    assert equal(one.draw(1, 2, 3), other.draw(1, 2, 3))


def test_a_batch_stays_as_it_is_while_others_are_drawn() -> None:
    found = sampler()
    held = found.draw(1, 2, 3)
    for step in SEEDS:
        found.draw(0, step, 0)
        found.draw_still(0, step, 0)
    assert equal(held, sampler().draw(1, 2, 3))


def test_other_seeds_steps_and_processes_draw_other_batches() -> None:
    found = sampler(negatives=2, background=2)
    first = found.draw(1, 2, 3)
    for numbers in ((0, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3)):
        other = found.draw(*numbers)
        assert asked(other.batch) != asked(first.batch) or candidates(
            other.batch
        ) != candidates(first.batch)


def test_what_has_no_match_is_left_out() -> None:
    found = sampler(queries=18, queries_per_video=3)
    assert found.usable == USABLE
    seen = {n for step in range(25) for n in asked(found.draw(step).batch)}
    assert seen == {
        n
        for n in range(len(WORLD.queries))
        if n % 10 not in (6, 7, 8)  # no truth, an empty truth, one of half a second
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_never_holds_one_truth_twice(kind: str) -> None:
    for found in drawn(kind):
        truths = [
            (WORLD.queries[n].video_id, WORLD.queries[n].truth)
            for n in asked(found.batch)
        ]
        assert len(set(truths)) == len(truths)


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_queries_are_drawn_than_asked_for(kind: str) -> None:
    given = {"queries": 4, "queries_per_video": 1, **KINDS[kind]}
    for found in drawn(kind):
        numbers = asked(found.batch)
        films = [WORLD.queries[n].video_id for n in numbers]
        most = given["queries_per_video"] or 6
        assert max(films.count(film) for film in films) <= most
        assert len(numbers) == min(given["queries"], 6 * min(most, 6))


def test_queries_are_drawn_alike_however_many_their_video_has() -> None:
    spans = [(Span(float(start), start + 6.0),) for start in range(30)]
    films = {"one": spans, **{f"film {i}": spans[:1] for i in range(10)}}
    split = worlds.split(films, duration_s=DURATION_S, rate_hz=RATE_HZ)
    found = sampler(split, queries=8, queries_per_video=0)
    same = [~(given.matching | given.elsewhere) for given in map(found.draw, range(60))]
    # Three in four queries are of one film, and some of its windows answer no other.
    assert all(each.any() for each in same)
    films_of = [
        len(given.batch.words) - len({*given.batch.candidate_video.tolist()})
        for given in map(found.draw, range(60))
    ]
    assert np.mean(films_of) > 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_pair_of_a_query_is_its_match_and_no_other_is(kind: str) -> None:
    for found in drawn(kind):
        queries, windows_of = asked(found.batch), candidates(found.batch)
        pairs = found.batch.pairs.tolist()
        rows = [row for row, _ in pairs]
        assert rows == sorted(rows)
        for i, (row, candidate) in enumerate(pairs):
            is_first = i == rows.index(row)
            assert bool(found.matching[i]) is is_first
            if is_first:
                film, number = windows_of[candidate]
                query = WORLD.queries[queries[row]]
                assert film == query.video_id
                iou = temporal_iou(WINDOWS[number][None], truth_of(queries[row])).max()
                assert iou > 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_elsewhere_is_in_another_video_than_the_query(kind: str) -> None:
    for found in drawn(kind):
        queries, windows_of = asked(found.batch), candidates(found.batch)
        assert found.elsewhere.tolist() == [
            windows_of[candidate][0] != WORLD.queries[queries[row]].video_id
            for row, candidate in found.batch.pairs.tolist()
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_offsets_lead_from_the_match_to_the_truth(kind: str) -> None:
    for found in drawn(kind):
        queries, windows_of = asked(found.batch), candidates(found.batch)
        for pair, matching, offsets_s in zip(
            found.batch.pairs.tolist(), found.matching, found.offsets_s, strict=True
        ):
            if not matching:
                assert not offsets_s.any()
                continue
            truth = truth_of(queries[pair[0]])
            window = WINDOWS[windows_of[pair[1]][1]]
            best = truth[temporal_iou(window[None], truth)[0].argmax()]
            assert offsets_s.tolist() == (best - window).astype(np.float32).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_to_a_query_is_used_against_it(kind: str) -> None:
    against = 0
    for found in drawn(kind):
        queries, windows_of = asked(found.batch), candidates(found.batch)
        for (row, candidate), matching in zip(
            found.batch.pairs.tolist(), found.matching, strict=True
        ):
            film, number = windows_of[candidate]
            if matching or film != WORLD.queries[queries[row]].video_id:
                continue
            against += 1
            iou = temporal_iou(WINDOWS[number][None], truth_of(queries[row]))
            assert iou.max() < USUAL.other_iou
    assert (against > 0) is (kind not in ("paper", "few"))


def test_no_pair_is_there_twice() -> None:
    for kind in KINDS:
        for found in drawn(kind):
            pairs = [tuple(pair) for pair in found.batch.pairs.tolist()]
            assert len(set(pairs)) == len(pairs)


def test_as_in_the_paper_every_query_meets_every_match() -> None:
    for found in drawn("paper"):
        size = len(found.batch.words)
        assert size == 4 and len(found.batch.clips) == size
        pairs = [tuple(pair) for pair in found.batch.pairs.tolist()]
        assert set(pairs) == {(q, c) for q in range(size) for c in range(size)}
        assert int(found.matching.sum()) == size


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_as_many_negatives_as_asked_for(count: int) -> None:
    found = sampler(negatives=count)
    for step in SEEDS:
        batch = found.draw(step)
        against = batch.batch.pairs[~batch.matching, 0]
        each = torch.bincount(against, minlength=4)
        assert each.tolist() == [min(count, 3)] * 4


def test_negatives_are_drawn_among_all_other_videos() -> None:
    found = sampler(negatives=1)
    seen = {
        tuple(pair)
        for step in range(40)
        for pair in found.draw(step).batch.pairs.tolist()
    }
    # Which number the match of a query has depends on the order of the videos.
    assert {q for q, _ in seen} == set(range(4)) == {c for _, c in seen}
    assert len(seen) == 16


def test_background_is_of_the_querys_own_video() -> None:
    found = sampler(negatives=0, background=4)
    for step in SEEDS:
        batch = found.draw(step)
        queries, windows_of = asked(batch.batch), candidates(batch.batch)
        counts = torch.bincount(batch.batch.pairs[:, 0])
        assert ((counts >= 2) & (counts <= 5)).all()
        for row, candidate in batch.batch.pairs.tolist():
            assert windows_of[candidate][0] == WORLD.queries[queries[row]].video_id


@pytest.mark.parametrize("share", [0.0, 0.25, 0.8])
def test_some_of_the_background_is_drawn_among_what_shares_time(share: float) -> None:
    one = replace(
        WORLD, queries=WORLD.queries[:1], query_features=WORLD.query_features[:1]
    )
    found = sampler(one, queries=1, negatives=0, background=1, near=share)
    iou = temporal_iou(WINDOWS, truth_of(0))[:, 0]
    other = iou < USUAL.other_iou
    by_chance = (iou[other] > 0).mean()
    near = []
    for step in range(60):
        _, (_, number) = sorted(
            candidates(found.draw(step).batch),
            key=lambda each: iou[each[1]] < USUAL.other_iou,
        )
        near.append(iou[number] > 0)
    assert abs(np.mean(near) - (share + (1 - share) * by_chance)) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_frames_of_a_candidate_are_those_of_its_video(kind: str) -> None:
    for found in drawn(kind):
        batch = found.batch
        for row, (film, number) in enumerate(candidates(batch)):
            start, end = WINDOWS[number]
            first, count = (
                int(batch.candidate_first[row]),
                int(batch.candidate_count[row]),
            )
            shot = int(batch.candidate_video[row])
            inside = slice(round(start * RATE_HZ), round(end * RATE_HZ))
            here = slice(first, first + count)
            assert batch.region_mask[shot, here].all()
            for name in ("regions", "boxes"):
                have = getattr(batch, name)[shot, here].numpy()
                assert (have == getattr(WORLD.videos[film], name)[inside]).all()


def test_windows_far_apart_are_not_joined_by_frames_that_nobody_asks_for() -> None:
    truths: list[tuple[Span, ...] | None] = [
        (Span(0.0, 4.0),),
        (Span(1.0, 5.0),),
        (Span(30.0, 34.0),),
    ]
    split = worlds.split({"film": truths}, duration_s=40.0, rate_hz=RATE_HZ)
    found = sampler(split, queries=3, queries_per_video=3)
    for step in SEEDS:
        batch = found.draw(step).batch
        assert len(batch.regions) == 2
        assert batch.regions.shape[1] <= 12 * RATE_HZ
        assert sorted(batch.candidate_video.tolist()) in ([0, 0, 1], [0, 1])


def test_a_query_that_reads_alike_in_two_videos_is_two_queries() -> None:
    """Truths are told apart by their video, too."""
    same: tuple[Span, ...] = (Span(4.0, 8.0),)
    split = worlds.split({"a": [same], "b": [same]}, duration_s=40.0, rate_hz=RATE_HZ)
    assert len(sampler(split).draw(0).batch.words) == 2


def test_nothing_to_learn_from_is_seen_before_the_first_batch() -> None:
    split = worlds.split(
        {"a": [(Span(0.0, 0.4),), None]}, duration_s=40.0, rate_hz=RATE_HZ
    )
    assert sampler(split).usable == 0


def test_what_is_asked_is_what_the_split_holds() -> None:
    batch = sampler().draw(3).batch
    for row, number in enumerate(asked(batch)):
        query: QueryFeatures = WORLD.query_features[number]
        size = len(query.words)
        assert batch.noun_mask[row, :size].tolist() == query.noun_mask.tolist()


def test_clips_are_left_out_for_the_share_of_queries_that_is_asked_for() -> None:
    def kept(share: float) -> torch.Tensor:
        draws = sampler(clip_dropout=share)
        return torch.cat([draws.draw(0, step).batch.clip_mask for step in range(60)])

    assert kept(0.0).all() and not kept(1.0).any()
    assert is_share(int((~kept(0.3)).sum()), len(kept(0.3)), 0.3)


def is_share(count: int, of: int, share: float) -> bool:
    """Whether so many of all are what chance leaves of a share, to 4 deviations."""
    deviation = np.sqrt(of * share * (1 - share))
    return bool(of > 150 and abs(count - of * share) < 4 * deviation)


def runs_of(mask: Tensor) -> list[list[int]]:
    """The numbers of the neighbours that are True."""
    found: list[list[int]] = []
    for place in torch.nonzero(mask)[:, 0].tolist():
        if found and found[-1][-1] == place - 1:
            found[-1].append(place)
        else:
            found.append([place])
    return found


def test_nouns_are_left_out_of_sentences_with_their_neighbours() -> None:
    def drawn(dropout: float) -> tuple[int, int]:
        draws, left_out, runs = sampler(noun_dropout=dropout), 0, 0
        for step in range(60):
            batch = draws.draw(0, step).batch
            out = batch.word_mask & ~batch.weighed_mask
            assert not (out & ~batch.noun_mask).any()
            for gone, nouns in zip(out, batch.noun_mask, strict=True):
                for run in runs_of(nouns):
                    assert len(set(gone[run].tolist())) == 1
                    left_out += bool(gone[run[0]])
                    runs += 1
        return left_out, runs

    none, of_none = drawn(0.0)
    all_of_them, of_all = drawn(1.0)
    assert none == 0 < of_none and all_of_them == of_all
    assert is_share(*drawn(0.4), 0.4)


def test_a_still_batch_compares_every_query_with_one_frame_of_every_match() -> None:
    draws = sampler(queries_per_video=3, still_queries=4)
    known = {
        regions.tobytes(): (name, frame)
        for name, features in WORLD.videos.items()
        for frame, regions in enumerate(features.regions)
    }
    for step in range(5):
        given = draws.draw_still(0, step)
        batch = given.batch
        assert batch.candidate_count.tolist() == [1] * 4
        numbers = range(4)
        own_first = [[i, (i + j) % 4] for i in numbers for j in numbers]
        assert batch.pairs.tolist() == own_first
        assert torch.equal(given.matching, batch.pairs[:, 0] == batch.pairs[:, 1])
        assert torch.equal(given.elsewhere, ~given.matching)
        assert not batch.clip_mask.any() and not given.offsets_s.any()
        seen = [known[frames[0].numpy().tobytes()] for frames in batch.regions]
        assert len({video_id for video_id, _ in seen}) == 4
        for number, (video_id, frame) in zip(asked(batch), seen, strict=True):
            assert WORLD.queries[number].video_id == video_id
            # A match is outside its truth by less than 15 % of 8 s.
            start, end = truth_of(number)[0]
            inside = (start - 1.2 <= frame / RATE_HZ) & (frame / RATE_HZ < end + 1.2)
            assert inside or len(truth_of(number)) > 1


def test_the_same_numbers_draw_the_same_still_batch() -> None:
    draws = sampler(still_queries=4)
    assert equal(draws.draw_still(0, 1), draws.draw_still(0, 1))
    assert not equal(draws.draw_still(0, 1), draws.draw_still(0, 2))
