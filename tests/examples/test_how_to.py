"""The examples that docs/how-to leads through do what the pages say."""

from pathlib import Path

import numpy as np
import pytest
from examples.colour_extractor import GRID, SIDE, Colours

from examples import colour_extractor, csv_data_set
from slta.datasets.checking import check
from slta.errors import InputError
from slta.features.base import Extractor
from slta.features.library import Library
from slta.features.store import Store
from slta.video import writing

HEAD = "video,sentence,start,end\n"


@pytest.fixture
def my_data(tmp_path: Path) -> Path:
    for split in ("train", "val", "test"):
        rows = f"{split}_1,a cat sleeps,1,2.5\n{split}_2,a dog runs,0,4\n"
        (tmp_path / f"{split}.csv").write_text(HEAD + rows)
    return tmp_path


def test_the_data_set_is_read(my_data: Path) -> None:
    dataset = csv_data_set.SOURCE.open(my_data)
    assert {name: len(queries) for name, queries in dataset.splits.items()} == {
        "train": 2,
        "val": 2,
        "test": 2,
    }
    first = dataset.queries("train")[0]
    assert (first.video_id, first.query) == ("train_1", "a cat sleeps")
    ((start, end),) = [(span.start, span.end) for span in first.truth or ()]
    assert (start, end) == (1, 2.5)


def test_the_check_tells_every_broken_line_and_training_the_first(
    my_data: Path,
) -> None:
    with (my_data / "val.csv").open("a") as file:
        file.write("val_3,a bird sings,two,4\nval_4,a bird sings,4,2\n")
    report = check(csv_data_set.SOURCE, my_data)
    lines = [each.line for each in report.faults if each.file.name == "val.csv"]
    assert lines == [4, 5]
    with pytest.raises(InputError, match=r"val\.csv:4 .*'two'|val\.csv:4 .*\"two\""):
        csv_data_set.SOURCE.open(my_data)


def test_the_extractor_sees_the_colours_of_each_region(tmp_path: Path) -> None:
    assert isinstance(Colours(), Extractor)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[: SIDE // GRID, -SIDE // GRID :] = (255, 0, 0)
    film = tmp_path / "corner.mp4"
    writing.write(film, iter([image] * 10), rate_hz=10)
    library = Library(Colours(), Store(tmp_path / "store"), 2.0)
    _, features = library.opened(library.record(film), film)
    assert features.frames.shape == (2, GRID * GRID * 3)
    assert features.regions.shape == (2, GRID * GRID, 3)
    red = features.regions[0, :, 0]
    assert red.argmax() == GRID - 1 and red.max() > 0.8 > 0.2 > np.sort(red)[-2]
    assert features.boxes[0, GRID - 1].tolist() == [0.75, 0, 1, 0.25]


def test_the_extractor_reads_queries() -> None:
    asked = colour_extractor.Colours().text("a red circle turns")
    assert asked.words == ("a", "red", "circle", "turns")
    assert asked.noun_mask.tolist() == [False, False, True, False]
