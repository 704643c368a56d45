"""A run that is trained with words of its own: told, kept, and held to."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from slta.experiments.opening import open_dataset, open_library
from slta.features.base import QueryFeatures
from slta.runs.run import Run
from tests.support.commands import Called, answered, call, refused
from tests.support.worlds import FLAGS, TINY, tiny

SIZE = 12
STEPS = ["--training.steps", "2", "--training.evaluate-every", "2"]


@pytest.fixture(autouse=True)
def _enter(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny().enter(monkeypatch)


def asked() -> list[QueryFeatures]:
    queries = open_dataset(TINY).queries("train")
    return open_library(TINY).sentences([query.query for query in queries])


def written(path: Path, seed: int, *, without: str) -> Path:
    """GloVe's text with a vector for all words of train but some."""
    known = sorted({word.lower() for each in asked() for word in each.words})
    rng = np.random.default_rng(seed)
    with path.open("w") as file:
        for word in known:
            if word not in without.split():
                numbers = " ".join(f"{x:.4f}" for x in rng.normal(size=SIZE))
                file.write(f"{word} {numbers}\n")
    return path


@pytest.mark.slice
def test_words_are_told_and_kept_and_held_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    counted = Counter(word for each in asked() for word in each.words)
    often = [word for word, _ in counted.most_common() if len(word) > 3][:2]
    words = written(tmp_path / "glove.txt", 0, without=" ".join(often).lower())
    folder = tmp_path / "run"

    def slta(*arguments: object) -> Called:
        return call(capsys, *arguments)

    trained = slta(
        *("train", "shapes_slta", *FLAGS, *STEPS, "--out", folder),
        *("--features.words", f"glove:{words}"),
    )
    assert trained.code == 0, trained.err
    missing = sum(n for word, n in counted.items() if word.lower() in often)
    told = f"{missing} of {counted.total()} words in train have no vector, most oft"
    assert any(told in record.message for record in caplog.records)
    facts = json.loads((folder / "provenance.json").read_text())
    run = Run.open(folder)
    _, about = run.load()
    assert facts["words"] == about.words
    assert about.words.startswith("cells+glove:glove.txt@1-")
    assert facts["words_in_train"]["all"] == counted.total()
    assert facts["words_in_train"]["unknown"] == missing
    assert facts["words_in_train"]["most_often"].keys() >= set(often)
    assert about.sizes.word == SIZE

    film = next(open_dataset(TINY).videos.glob("*.mp4"))
    search = "search", film, f"the {often[0]} xyzzy turns", "--checkpoint", folder
    found = slta(*search, "--json")
    answered(found)
    assert f"no vector for {often[0]}, xyzzy" in found.err

    # The file elsewhere is the same words, and has to be named.
    moved = words.rename(tmp_path / "other.txt")
    refused(slta(*search), "there is no file .*glove.txt of word vectors")
    (tmp_path / "there").mkdir()
    moved = moved.rename(tmp_path / "there" / "glove.txt")
    again = slta(*search, "--json", "--words", f"glove:{moved}")
    answered(again)
    assert again.out == found.out
    evaluate = "evaluate", folder, "--overwrite"
    refused(slta(*evaluate), "there is no file .*glove.txt of word vectors")
    assert slta(*evaluate, "--words", f"glove:{moved}").code == 0

    # Another file of the same name is not.
    written(tmp_path / "glove.txt", 1, without="")
    for command in (search, evaluate):
        refused(
            slta(*command),
            "trained with sentence features of .*, not cells.glove:glove.txt@",
        )
    refused(
        slta(*search, "--words", ""),
        "not cells@1; give those words with --words",
    )
