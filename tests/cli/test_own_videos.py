"""The way through docs/quickstart.md, on a folder of synthetic films."""

import csv
import json
import re
from pathlib import Path

import pytest

from tests.support.commands import answered, call
from tests.support.worlds import FLAGS, TINY, tiny

SIZES = FLAGS[FLAGS.index("--features.extractor") :]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Written by hand, as a table, with the films elsewhere."""
    from slta.datasets import shapes

    world = tiny()
    world.enter(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert isinstance(TINY.dataset, shapes.ShapesConfig)
    made = shapes.make(TINY.dataset)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "videos").symlink_to(made / "videos")
    for split in ("train", "val", "test"):
        rows = map(json.loads, (made / f"{split}.jsonl").read_text().splitlines())
        with (folder / f"{split}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["video_id", "query", "start_s", "end_s"])
            for row in rows:
                table.writerow([row["video_id"], row["query"], *row["spans"][0]])
    return folder


def test_a_folder_of_ones_own_is_checked_trained_measured_and_searched(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = call(capsys, "data", "check", "own", "--root", own)
    assert checked.code == 0 and "0 faults" in checked.out
    trained = call(
        capsys, "train", "own", "--dataset.root", own, *SIZES, "--out", "runs/own"
    )
    assert trained.code == 0 and "test:" in trained.out
    measured = call(capsys, "evaluate", "runs/own", "--protocol", "plain")
    assert measured.code == 0 and "moment frequencies" in measured.out
    film = next((own / "videos").glob("test_*.mp4"))
    found = call(capsys, "search", film, "a circle turns", "--checkpoint", "runs/own")
    answered(found)
    assert re.search(r"0:\d\d", found.out)


def test_training_is_refused_with_the_line_that_is_wrong(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (own / "train.csv").open("a") as file:
        file.write("train_0000,a circle turns,9,3\n")
    refused = call(capsys, "train", "own", "--dataset.root", own, "--out", "runs/own")
    assert refused.code == 2
    assert re.search(r"train\.csv:\d+ has .* at 9-3 s", refused.err)
    assert not Path("runs/own").exists()
