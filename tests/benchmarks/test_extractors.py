"""The comparison of extractors, for whoever has weights."""

from pathlib import Path

from benchmarks import extractors
from slta.search import Searcher
from tests.support.dual_encoders import save_clip, save_siglip
from tests.support.extractors import coloured


def test_extractors_are_compared_on_the_same_questions(tmp_path: Path) -> None:
    videos = {
        order: coloured(tmp_path / f"{order}.mp4", order=order)
        for order in ("red green", "blue red")
    }
    sentences = {
        "present": {name: [f"{name} squares", "a square"] for name in videos},
        "absent": ["a dog sleeps"],
        "nonsense": ["colourless ideas"],
    }
    rows = []
    for name in (
        f"clip:{save_clip(tmp_path / 'one')}",
        f"siglip:{save_siglip(tmp_path / 'other')}",
    ):
        searcher = Searcher(name, store=tmp_path / "store")
        rows.append(extractors.found(name, videos, sentences, searcher))
        assert rows[-1]["extractor"] == name
        assert rows[-1]["version"] == searcher.library.version
        assert 0 <= rows[-1]["area_absent"] <= 1
    shown = [{**row, "photo_film": {"right": 1, "of": 2}} for row in rows]
    head, _, *lines = extractors.compared(shown).splitlines()
    assert len(lines) == 2 and all("| 1 of 2 |" in line for line in lines)
    assert head.count("|") == lines[0].count("|") == 7
