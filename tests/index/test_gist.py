"""The gist of a query, against its phrases one by one."""

from dataclasses import replace

import numpy as np
import pytest

from slta.features.base import QueryFeatures
from slta.index.comparing import WindowGroup
from slta.index.gist import Gist
from slta.search import evidence
from tests.support.compact_videos import made, query, shots

WINDOWS = made(shots(0, [150, 170, 130])).windows


def agreements(asked: QueryFeatures) -> tuple[np.ndarray, np.ndarray]:
    """By the gist, and by all phrases."""
    group = WindowGroup(WINDOWS)
    parts = [evidence.agreement_of(part) for part in group.by_phrase(asked)]
    return np.concatenate(group.agreement(Gist.of(asked))), np.concatenate(parts)


@pytest.mark.parametrize("compared", [True, False])
@pytest.mark.parametrize("looks", [True, False])
def test_a_query_of_one_phrase_is_its_gist(compared: bool, looks: bool) -> None:
    asked = query(1, phrases=1)
    if not compared:
        asked = replace(asked, usual=None)
    if not looks:
        asked = replace(asked, appearances=None)
        if asked.usual is not None:
            asked = replace(asked, usual=asked.usual[:, :1])
    windows = [replace(w, levels=w.levels[:, : 1 + looks]) for w in WINDOWS]
    group = WindowGroup(windows)
    found = np.concatenate(group.agreement(Gist.of(asked)))
    expected = np.concatenate(group.by_phrase(asked))[:, 0]
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("phrases", [2, 4])
def test_of_more_phrases_it_says_nearly_the_same(phrases: int) -> None:
    found, expected = agreements(query(2, phrases))
    assert np.std(found - expected) < 0.2 * np.std(expected)
    # Each phrase may be in another region, so that together they fit better.
    assert np.mean(expected - found) > -1e-3
