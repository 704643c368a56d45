import json
from dataclasses import fields, replace

import numpy as np
import pytest

from slta.features.base import QueryFeatures
from slta.features.text.sentences import packed, unpacked


def query(words: int, phrases: int, seed: int) -> QueryFeatures:
    rng = np.random.default_rng(seed)
    return QueryFeatures(
        query=f"query {seed}",
        words=tuple(f"w{i}" for i in range(words)),
        word_vectors=rng.normal(size=(words, 4)),
        noun_mask=rng.random(words) < 0.5,
        action=bool(seed % 2),
        phrases=tuple(f"p{i}" for i in range(phrases)),
        meanings=rng.normal(size=(phrases, 4)),
        attainable=rng.random(phrases),
        appearances=rng.normal(size=(phrases, 6)),
    )


@pytest.mark.parametrize("appearances", [True, False])
def test_what_is_unpacked_is_what_was_packed(appearances: bool) -> None:
    queries = [query(3, 2, 0), query(0, 1, 1), query(5, 4, 2)]
    if not appearances:
        queries = [replace(q, appearances=None) for q in queries]
    facts, arrays = packed(queries)
    back = unpacked(json.loads(json.dumps(facts)), arrays)
    assert len(back) == len(queries)
    for new, old in zip(back, queries, strict=True):
        for field in fields(QueryFeatures):
            a, b = getattr(new, field.name), getattr(old, field.name)
            if isinstance(b, np.ndarray):
                np.testing.assert_array_equal(a, b)
            else:
                assert a == b, field.name


def test_packing_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="need at least one"):
        packed([])
