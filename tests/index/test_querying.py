"""The two stages of a search, against comparing everything."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from slta.index import comparing, querying, sketch
from slta.index.looking import Seen
from slta.index.place import Place
from slta.index.querying import EDGE_S, Located, Searched, joined
from slta.index.records import Head, Snapshot, Video, WindowPlace
from slta.index.segments import LONGEST, bases_of, boundaries
from slta.index.sketch import sketch_of
from slta.index.tables import Tables, read_bases
from slta.moments import Span, VideoInfo
from slta.search import evidence
from slta.search.compact import Compact
from tests.support.compact_videos import HZ, UNRELATED, made, query, shots


@pytest.fixture(scope="module")
def videos() -> list[Compact]:
    return [made(shots(seed, [60, 25, 110, 40] * 2)) for seed in range(6)]


def searched(folder: Path, videos: Sequence[Compact]) -> Searched:
    place = Place(folder)
    tables = Tables.create(place, Head("films", "things", "1", HZ), bases_of(UNRELATED))
    bases = read_bases(place)
    for number, video in enumerate(videos):
        info = VideoInfo("film", len(video) / HZ, 64, 48)
        tables.add([Seen.of(f"{number:064}", info, 0.0, video, bases)], [])
    snapshot: Snapshot = tables.snapshot()
    return Searched(
        place, snapshot, bases, sketch_of(place, snapshot.videos, lambda: UNRELATED)
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_best_is_found_by_a_sketch(
    seed: int, tmp_path: Path, videos: list[Compact], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sketch, querying):
        monkeypatch.setattr(module, "SMALL", 1)
    monkeypatch.setattr(comparing, "FIRST", 2)
    monkeypatch.setattr(comparing, "GROUP", 2)
    found = searched(tmp_path, videos)
    wanted = np.ones(len(videos), bool)
    every = found.find(query(seed), wanted, top=5, every=True)
    assert found.find(query(seed), wanted, top=5) == every


def test_more_moments_are_found_where_more_are_asked_for(
    tmp_path: Path, videos: list[Compact], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sketch, querying):
        monkeypatch.setattr(module, "SMALL", 1)
    monkeypatch.setattr(querying, "MOST_WINDOWS", 2)
    found = searched(tmp_path, videos)
    wanted = np.ones(len(videos), bool)
    every = found.find(query(1), wanted, top=50, every=True)
    assert len(every) > 2 * querying.A_WINDOW
    assert found.find(query(1), wanted, top=50) == every


def test_a_model_may_find_nothing_in_a_window(
    tmp_path: Path, videos: list[Compact]
) -> None:
    found = searched(tmp_path, videos)
    wanted = np.ones(len(videos), bool)
    one = Located(3, Span(1.0, 2.0), 0.5)
    moments = found.find(
        query(1), wanted, top=5, moments=lambda video, _: [one] if video == 3 else []
    )
    assert {*moments} == {one}


def test_limits_are_kept_though_other_videos_fit_less(
    tmp_path: Path, videos: list[Compact]
) -> None:
    found = searched(tmp_path, videos)
    wanted = np.ones(len(videos), bool)
    moments = found.find(query(1), wanted, top=6, per_video=1)
    assert sorted(moment.video for moment in moments) == [*range(6)]


def test_moments_lie_in_their_videos_best_first(
    tmp_path: Path, videos: list[Compact]
) -> None:
    found = searched(tmp_path, videos)
    moments = found.find(query(1), np.ones(len(videos), bool), top=50)
    scores = [moment.score for moment in moments]
    assert len(moments) > 10 and scores == sorted(scores, reverse=True)
    for moment in moments:
        length_s = len(videos[moment.video]) / HZ
        assert 0 <= moment.span.start < moment.span.end <= length_s


def test_only_wanted_videos_are_searched(tmp_path: Path, videos: list[Compact]) -> None:
    found = searched(tmp_path, videos)
    wanted = np.array([False, True, False, True, False, False])
    moments = found.find(query(2), wanted, top=50)
    assert {moment.video for moment in moments} == {1, 3}
    every = found.find(query(2), np.ones(6, bool), top=50)
    assert [m for m in every if wanted[m.video]] == moments[: len(every)] or len(
        every
    ) > len(moments)


def test_a_score_is_the_log_odds_of_the_best_second_of_the_moment(
    tmp_path: Path, videos: list[Compact]
) -> None:
    asked = query(3)
    best, *_ = searched(tmp_path, videos).find(asked, np.ones(6, bool), top=1)
    video = videos[best.video]
    agreement = evidence.agreement_of(
        evidence.by_phrase(video, asked, video.background)
    )
    first, end = int(best.span.start * HZ), math.ceil(best.span.end * HZ)
    here = max(
        (agreement[i] + agreement[min(i + 1, end - 1)]) / 2 for i in range(first, end)
    )
    expected = evidence.STEEP * (here - evidence.EVEN) - math.log(video.scenes) / 2
    assert best.score == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("lengths", [[1], [40], [3, 50, 2], [16, 16, 17]])
def test_segments_are_short_and_begin_at_cuts(lengths: list[int]) -> None:
    video = shots(len(lengths), lengths, spread=0.02)
    ends = boundaries(np.asarray(video.frames, np.float32)).tolist()
    assert ends == sorted({*ends}) and ends[-1] == sum(lengths)
    assert {*np.cumsum(lengths).tolist()} <= {*ends}
    assert max(np.diff([0, *ends])) <= LONGEST


def test_what_two_windows_share_is_one_moment() -> None:
    parts = (WindowPlace(0, 10, 0, 9), WindowPlace(10, 30, 9, 9))
    video = Video("0", 15.0, 64, 48, 0.0, 30, 1.0, 2, "", parts)
    one = Located(0, Span(1.0, 5.0), 2.0)
    next_to_it = Located(0, Span(5.0 + EDGE_S / 2, 7.0), 1.0)
    touches = Located(0, Span(7.0, 9.0), 0.5)  # but not where a window ends
    elsewhere = Located(1, Span(5.0, 6.0), 0.2)
    assert joined([one, next_to_it, touches, elsewhere], [video, video]) == [
        Located(0, Span(1.0, 7.0), 2.0),
        touches,
        elsewhere,
    ]
