"""Pictures of a comparison: recall, cost, answers in time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text

from slta.plots import comparison
from tests.support import comparisons
from tests.support.commands import call, refused


def test_pictures_show_every_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = comparisons.comparison(slta=0.4, ctrl=(0.1, 0.3))
    found["examples"] *= 3
    for figure in (comparison.recall(found), comparison.cost(found)):
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert {"slta", "ctrl"} <= {*texts}
    axes = comparison.answers(found).axes
    assert len(axes) == 3
    for one, example in zip(axes, found["examples"], strict=True):
        assert one.get_title(loc="left") == example["query"]
        bars = [bar for bar in one.patches if isinstance(bar, Rectangle)][-3:]
        truth, *models = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
        assert truth == pytest.approx(example["truth"][0])
        assert models == [pytest.approx(each) for each in example["answers"].values()]
    drawn = call(capsys, "plot", written(tmp_path, found), "--out", tmp_path / "to")
    assert drawn.code == 0, drawn.err
    names = sorted(each.name for each in (tmp_path / "to").iterdir())
    assert names == ["answers.png", "cost.png", "recall.png"]


def written(folder: Path, found: dict[str, Any]) -> Path:
    path = folder / "found.json"
    path.write_text(json.dumps(found))
    return path


def test_recall_is_drawn_at_the_thresholds_of_the_protocol() -> None:
    found = comparisons.comparison("detr", slta=0.4)
    assert comparison.thresholds(found) == [0.5, 0.7]
    (axes,) = comparison.recall(found).axes
    (line,) = axes.lines
    assert [*np.asarray(line.get_xdata())] == [0.5, 0.7]
    assert [*np.asarray(line.get_ydata())] == pytest.approx([40, 40])


def test_a_protocol_without_recall_at_an_iou_has_its_own_measure(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = comparisons.comparison("didemo", slta=0.4)
    (axes,) = comparison.cost(found).axes
    assert axes.get_ylabel().startswith("Rank@1 (%)")
    drawn = call(capsys, "plot", written(tmp_path, found), "--out", tmp_path / "to")
    assert drawn.code == 0, drawn.err
    names = sorted(each.name for each in (tmp_path / "to").iterdir())
    assert names == ["answers.png", "cost.png"]


def test_where_no_answer_is_in_the_video_none_is_drawn() -> None:
    found = comparisons.comparison(slta=0.4)
    found["examples"][0]["answers"] = {"own_slta": []}
    axes = comparison.answers(found).axes
    bars = [bar for one in axes for bar in one.patches if isinstance(bar, Rectangle)]
    assert len(bars) == 2, "the truth, and where it is"


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("shapes_slta", "shapes_slta_no_context"), ["slta", "slta_no_context"]),
        (("charades_sta_slta", "charades_sta_role"), ["slta", "role"]),
        (("shapes_slta",), ["slta"]),
        (("own", "shapes_slta"), ["own", "shapes_slta"]),
    ],
)
def test_pictures_call_models_by_what_tells_them_apart(
    names: tuple[str, ...], labels: list[str]
) -> None:
    found: dict[str, Any] = {"models": {name: {} for name in names}}
    assert [*comparison.labels(found).values()] == labels


def test_no_name_is_written_over_another() -> None:
    number = {"R@1, IoU=0.5": {"mean": 0.5, "interval": [0.4, 0.6]}}
    model = {"query_ms": 2.0, "test": number}
    found = {"splits": ["test"], "models": {name: model for name in "abc"}}
    (axes,) = comparison.cost(found).axes
    heights = [each.xyann[1] for each in axes.texts if isinstance(each, Annotation)]
    assert len(heights) == 3 and np.diff(sorted(heights)).min() > 1.5


def test_no_name_is_written_over_a_point() -> None:
    """The first model's reaches as far as the second's point, which is as high."""
    number = {"R@1, IoU=0.5": {"mean": 0.5, "interval": [0.4, 0.6]}}
    found = {
        "splits": ["test"],
        "models": {
            name: {"query_ms": milliseconds, "test": number}
            for name, milliseconds in (("x_a_long_name", 1.0), ("y", 1.2), ("z", 5.0))
        },
    }
    (axes,) = comparison.cost(found).axes
    names = {each.get_text(): each for each in axes.texts}
    below = abs(names["x_a_long_name"].get_position()[1] - 50)
    assert below > 1 and names["z"].get_position()[1] == 50


@pytest.mark.parametrize(
    "text", ["", "[1]", "[" * 100_000, "{}", '{"models": {}, "splits": []}']
)
def test_a_file_that_is_no_comparison_is_told(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    path.write_text(text)
    refused(call(capsys, "plot", path, "--out", tmp_path), f"{path} ")


def test_a_folder_for_pictures_that_cannot_be_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "found.json"
    path.write_text("{}")
    refused(call(capsys, "plot", path, "--out", path), f"{path} cannot be written")
