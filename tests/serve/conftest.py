"""Libraries of films of colours."""

from pathlib import Path

import pytest

from slta.features import EXTRACTORS, Kind
from tests.support.extractors import Colours
from tests.support.libraries import Library, films
from tests.support.once import made_once


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """An empty folder; the store, which holds no videos, is shared."""
    monkeypatch.setitem(EXTRACTORS, "colours", Kind(lambda _: Colours()))
    store = made_once("colours-store", lambda _: None)
    films()  # before a test has another home
    (tmp_path / "films").mkdir()
    return Library(tmp_path / "films", tmp_path / "index", store)
