"""What is generated for the docs is up to date and shows what it says."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from benchmarks.docs import floors, moving_picture, reference
from benchmarks.docs.reference import brief
from PIL import Image

from slta.errors import InputError
from slta.moments import Moment, Span, VideoInfo
from slta.search.answers import Answer, Terms

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
AGAIN = "run: python -m benchmarks.docs"
MOST_BYTES = 600_000
page = cache(reference.page)
CONTRACT = """[[tool.importlinter.contracts]]
layers = [{}]
"""


def test_the_reference_is_what_the_program_says() -> None:
    written = (ROOT / "docs" / "reference.md").read_text()
    assert written == page(), AGAIN


@pytest.mark.parametrize(
    "line",
    ["slta search VIDEO", "--pad=0.0", "slta data check NAME", "training.seed=0"],
)
def test_the_reference_has_commands_options_and_fields(line: str) -> None:
    assert line in page()


def test_every_field_is_explained() -> None:
    rows = re.findall(r"^([a-z]+\.\w+)\S*(.*)$", page(), re.MULTILINE)
    assert len(rows) > 60
    assert not [flag for flag, text in rows if not re.search("[a-z]{2}", text)]


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        ("Random seed.", "Random seed"),
        ("Picture of it (.png, .svg), by rank.", "Picture of it (.png, .svg), by rank"),
        (
            "Of a run: the folder of its data set, if that is not where it was",
            "Of a run: the folder of its data set",
        ),
    ],
)
def test_a_brief_text_is_cut_where_it_still_says_something(
    text: str, short: str
) -> None:
    assert brief(text) == short


def test_the_picture_of_the_packages_is_that_of_the_contract_and_the_code() -> None:
    assert (IMAGES / "floors.svg").read_text() == floors.drawn(ROOT), AGAIN


def test_the_picture_has_every_floor_and_every_import() -> None:
    stacked = floors.floors(ROOT / "pyproject.toml")
    pairs = floors.imports(stacked)
    drawn = floors.svg(stacked, pairs)
    assert drawn.count("<circle") == len(pairs) > len(stacked)
    for floor in stacked:
        assert f">{floor.name}</text>" in drawn
    order = [floor.name for floor in stacked]
    assert all(order.index(one) < order.index(other) for one, other in pairs)


def test_a_floor_that_nobody_described_is_told(tmp_path: Path) -> None:
    names = [*floors.ABOUT, "attic"]
    file = tmp_path / "pyproject.toml"
    file.write_text(CONTRACT.format(", ".join(f'"{name}"' for name in names)))
    with pytest.raises(InputError, match="describe attic"):
        floors.floors(file)


def test_the_moving_picture_moves_and_is_small() -> None:
    file = IMAGES / "search.webp"
    assert file.stat().st_size < MOST_BYTES
    with Image.open(file) as image:
        assert image.size == moving_picture.SIZE
        assert getattr(image, "n_frames") > moving_picture.SWEPT  # noqa: B009


def scene(confidence: float) -> moving_picture.Scene:
    """Ten seconds, of which the fourth and fifth are relevant."""
    times_s = np.arange(0, 10, 0.5)
    answer = Answer(
        query="a cat",
        video=VideoInfo("film", 10.0, 160, 90),
        confidence=confidence,
        clear_from=0.65,
        moments=(Moment("film", Span(4.0, 6.0), 1.0),),
        parts=("a cat",),
        part_weights=np.ones(1),
        times_s=times_s,
        relevance=np.where((times_s >= 4) & (times_s < 6), 3.0, 0.0),
        line=1.0,
        boxes=np.zeros((20, 1, 4)),
        region_weights=np.ones((20, 1)),
        terms=Terms("phrase", "deviations", "line"),
    )
    strip = np.zeros((12, moving_picture.STRIP, 50, 3), np.uint8)
    width, height = moving_picture.MOMENT
    moment = np.full((3, height, width, 3), 90, np.uint8)
    return moving_picture.Scene(answer, strip, moment[: 3 * answer.is_clear])


def coloured(image: Image.Image, colour: str) -> np.ndarray:
    """Columns in which the colour is."""
    wanted = np.array(Image.new("RGB", (1, 1), colour))[0, 0]
    return np.flatnonzero((np.asarray(image) == wanted).all(axis=2).any(axis=0))


def test_the_moment_is_marked_where_it_is() -> None:
    shown = scene(0.9)
    columns = coloured(
        moving_picture.picture(shown, drawn=1, answered=True), moving_picture.PALE
    )
    assert columns.min() == pytest.approx(shown.x(4), abs=3)
    assert columns.max() == pytest.approx(shown.x(6), abs=3)


def test_nothing_is_marked_or_played_without_a_clear_match(tmp_path: Path) -> None:
    doubted = scene(0.3)
    image = moving_picture.picture(doubted, drawn=1, answered=True)
    assert not coloured(image, moving_picture.PALE).size
    counts = [len([*moving_picture.shots(each)]) for each in (scene(0.9), doubted)]
    assert counts[0] - counts[1] == 3
    moving_picture.save([doubted], tmp_path / "answer.webp")
    with Image.open(tmp_path / "answer.webp") as saved:
        assert saved.size == moving_picture.SIZE
