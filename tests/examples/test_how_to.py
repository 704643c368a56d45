"""The examples that docs/how-to leads through do what the pages say."""

from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from examples.colour_extractor import GRID, SIDE, Colours

from examples import colour_extractor, csv_data_set
from slta import extensions
from slta.datasets.checking import check
from slta.errors import InputError
from slta.experiments import experiment
from slta.experiments.opening import open_dataset, with_root
from slta.features import extractor
from slta.features.base import Extractor
from slta.features.library import Library
from slta.features.store import Store
from slta.video import writing

HEAD = "video,sentence,start,end\n"
OFFERED = {
    "slta.datasets": ("my_data", "examples.csv_data_set:DATA"),
    "slta.extractors": ("colours", "examples.colour_extractor:colours"),
}


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package with the examples were installed."""

    def entry_points(group: str) -> list[EntryPoint]:
        return [EntryPoint(*OFFERED[group], group)] if group in OFFERED else []

    monkeypatch.setattr(extensions, "entry_points", entry_points)


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


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("model", ["ctrl", "qd_detr"])
def test_models_train_on_the_data_set_of_a_package(my_data: Path, model: str) -> None:
    chosen = with_root(model, experiment(model, "my_data"), my_data)
    assert chosen.model.name == model
    assert [query.query for query in open_dataset(chosen).queries("test")] == [
        "a cat sleeps",
        "a dog runs",
    ]


@pytest.mark.usefixtures("package")
def test_the_extractor_of_a_package_is_found_by_name() -> None:
    assert isinstance(extractor("colours"), Colours)
