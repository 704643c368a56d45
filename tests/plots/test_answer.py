"""The picture of an answer shows what the answer says, where it says it."""

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from slta import video
from slta.errors import InputError
from slta.moments import Moment, Span
from slta.plots.answer import MOST_PARTS, draw, figure
from slta.plots.sheet import (
    DPI,
    LAST_RESORT,
    SANS,
    WIDTH_IN,
    best_frame,
    fold,
    fonts,
    heat,
    some_frames,
    spread_out,
    wide_in,
)
from slta.search.answers import Answer, Terms
from slta.search.zero_shot import CLEAR, TERMS
from slta.video import writing

GRID = np.array([(x, y, x + 3, y + 3) for y in (0, 2, 4) for x in (0, 2, 4)]) / 7
GREYS = [20, 220, 60, 180, 100, 140]
"""The shade of each picture of the films made here."""


def make_film(
    path: Path, *, seconds: float, width: int = 320, height: int = 180
) -> Path:
    shape = height, width, 3
    images = (np.full(shape, grey, np.uint8) for grey in GREYS)
    writing.write(path, images, rate_hz=len(GREYS) / seconds)
    return path


def make_answer(path: Path, *spans: tuple[float, float], **changes: Any) -> Answer:
    """An answer about a film: high within the spans, low elsewhere."""
    info = video.probe(path)
    random = np.random.default_rng(0)
    times_s = np.arange(0, info.duration_s, max(0.5, info.duration_s / 2000))
    curve = random.uniform(0, 1, len(times_s))
    for start, end in spans:
        curve[(start <= times_s) & (times_s < end)] += 2
    values: dict[str, Any] = {
        "query": "a man opens the fridge",
        "video": info,
        "confidence": 0.97,
        "moments": tuple(
            Moment(path.stem, Span(float(start), float(end)), 1 / rank)
            for rank, (start, end) in enumerate(spans, start=1)
        ),
        "clear_from": CLEAR,
        "parts": ("a man opens the fridge", "a man", "the fridge"),
        "part_weights": np.array([0.5, 0.3, 0.2]),
        "times_s": times_s,
        "relevance": curve,
        "line": 1.5,
        "boxes": np.tile(GRID, (len(times_s), 1, 1)),
        "region_weights": random.dirichlet(np.ones(len(GRID)), len(times_s)),
        "terms": TERMS,
    }
    return Answer(**values | changes)


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "short.mp4", seconds=12)


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "long.mp4", seconds=7200)


def axes_of(picture: Figure, name: str) -> Axes:
    picture.draw_without_rendering()  # only then are they in their places
    (sheet,) = picture.axes
    (found,) = [each for each in sheet.child_axes if each.get_label() == name]
    assert isinstance(found, Axes)
    return found


def texts_of(picture: Figure) -> list[Text]:
    (sheet,) = picture.axes
    return list(sheet.texts)


def words_of(picture: Figure) -> list[str]:
    return [text.get_text() for text in texts_of(picture)]


def spans_in(axes: Axes) -> dict[str, Rectangle]:
    found = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return {str(patch.get_label()): patch for patch in found}


def line_in(axes: Axes, name: str) -> tuple[np.ndarray, np.ndarray, str]:
    (line,) = [line for line in axes.lines if line.get_label() == name]
    x, y = line.get_data()
    return np.asarray(x), np.asarray(y), str(line.get_color())


def image_of(image: AxesImage) -> np.ndarray:
    return np.asarray(image.get_array())


def assert_apart_and_inside(picture: Figure, texts: Sequence[Text]) -> None:
    picture.draw_without_rendering()
    boxes = [text.get_window_extent() for text in texts]
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    for box in boxes:
        assert picture.bbox.x0 <= box.x0 < box.x1 <= picture.bbox.x1
        assert picture.bbox.y0 <= box.y0 < box.y1 <= picture.bbox.y1


def test_the_file_is_a_png_of_the_stated_size(short: Path, tmp_path: Path) -> None:
    answer = make_answer(short, (3, 5))
    out = tmp_path / "out.png"
    draw(short, answer, out)
    with Image.open(out) as image:
        image.load()
        assert image.format == "PNG"
        assert set(image.info) == {"dpi"}, "no dates"
        assert image.width == WIDTH_IN * DPI == 1600
        assert image.height == round(figure(short, answer).get_figheight() * DPI)
    assert list(tmp_path.iterdir()) == [out]


def test_the_same_answer_makes_the_same_bytes(short: Path, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw(short, make_answer(short, (3, 5)), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<?xml"), (".pdf", b"%PDF-"), (".PNG", b"\x89PNG")]
)
def test_the_suffix_is_the_format(
    short: Path, tmp_path: Path, suffix: str, start: bytes
) -> None:
    out = tmp_path / f"out{suffix}"
    draw(short, make_answer(short, (3, 5)), out)
    assert out.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.gif", "out.gif cannot be drawn: .* the suffixes .png, .svg, .pdf"),
        ("out", "out cannot be drawn: .* the suffixes .png, .svg, .pdf"),
        ("file/out.png", "out.png cannot be written: .*file is a file; name a folder"),
        (f"{'a' * 252}.png", r"\.png cannot be written: .* give a shorter name"),
        ("folder.png", "folder.png is a folder; name a file"),
    ],
)
def test_a_name_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, short: Path, name: str, message: str
) -> None:
    answer = make_answer(short, (3, 5))
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=message):
        draw("no such video.mp4", answer, tmp_path / name)


def test_the_folder_of_a_picture_is_made(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder" / "out.png"
    draw(short, make_answer(short, (3, 5)), out)
    assert [*out.parent.iterdir()] == [out]


def _full_disk(part: Path) -> None:
    part.write_bytes(b"half a pic")
    raise OSError("no space left")


def _forbidden(part: Path) -> None:
    raise PermissionError("not yours")


@pytest.mark.parametrize(
    ("fail", "error", "message"),
    [
        (_full_disk, InputError, "cannot be written .*no space left"),
        (_forbidden, InputError, r"out.png cannot be written \(.*\): give"),
    ],
)
def test_what_was_there_stays_when_the_writing_fails(
    short: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fail: Callable[[Path], None],
    error: type[Exception],
    message: str,
) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"before")
    monkeypatch.setattr(Figure, "savefig", lambda self, part, **_: fail(part))
    with pytest.raises(error, match=message):
        draw(short, make_answer(short, (3, 5)), out)
    assert out.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_missing_video_is_the_users_to_mend(short: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        draw(tmp_path / "no.mp4", make_answer(short, (3, 5)), tmp_path / "out.png")
    assert not list(tmp_path.iterdir())


def test_spans_curve_and_line_are_where_the_answer_has_them(short: Path) -> None:
    answer = make_answer(short, (6.5, 9), (1.25, 2.5))
    axes = axes_of(figure(short, answer), "curve")
    spans = spans_in(axes)
    assert list(spans) == ["moment 1", "moment 2"]
    for moment, shown in zip(answer.moments, spans.values(), strict=True):
        assert shown.get_x() == moment.span.start
        assert shown.get_x() + shown.get_width() == pytest.approx(moment.span.end)
    best, other = (shown.get_alpha() for shown in spans.values())
    assert best is not None and other is not None and best > other
    times_s, curve, _ = line_in(axes, "relevance")
    np.testing.assert_array_equal(times_s, [*answer.times_s, 12])
    np.testing.assert_array_equal(curve[:-1], answer.relevance)
    assert set(line_in(axes, "above it a frame belongs to a moment")[1]) == {1.5}
    assert axes.get_xlim() == (0, 12)


def test_thumbnails_stand_above_their_time_and_keep_their_shape(short: Path) -> None:
    picture = figure(short, make_answer(short, (3, 5)))
    strip, curve = axes_of(picture, "strip"), axes_of(picture, "curve")
    assert strip.get_xlim() == curve.get_xlim()
    above, below = strip.get_window_extent(), curve.get_window_extent()
    assert (above.x0, above.x1) == pytest.approx((below.x0, below.x1))
    assert len(strip.images) > 4
    ends = [0.0]
    for image in strip.images:
        start, end, _, _ = image.get_extent()
        assert start == ends[-1]
        ends.append(end)
        shown = GREYS[int((start + end) / 2 / 12 * len(GREYS))]
        assert np.abs(image_of(image).astype(int) - shown).max() <= 3
        box = image.get_window_extent()
        assert box.width / box.height == pytest.approx(320 / 180, rel=0.01)
    assert ends[-1] == 12


TEN = np.linspace(0.02, 0.95, 10).tolist()


@pytest.mark.parametrize(
    "starts",
    [
        [0.4],
        TEN,
        [x / 50 for x in TEN],
        [0.97 + x / 50 for x in TEN],
        TEN[::-1],
        TEN * 3,
    ],
    ids=[
        "one",
        "ten apart",
        "ten at the start",
        "ten at the end",
        "ten backwards",
        "thirty",
    ],
)
@pytest.mark.parametrize("which", ["short", "long"])
def test_labels_are_apart_and_led_to_their_moments(
    which: str, starts: list[float], request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(which)
    length_s = video.probe(path).duration_s
    spans = [(start * length_s, (start + 0.001) * length_s) for start in starts]
    picture = figure(path, make_answer(path, *spans))
    labels = [text for text in texts_of(picture) if "score" in text.get_text()]
    assert min(len(starts), 10) <= len(labels) <= len(starts)
    assert_apart_and_inside(picture, labels)
    curve = axes_of(picture, "curve")
    assert len(spans_in(curve)) == len(starts)
    (sheet,) = picture.axes
    leaders = [line for line in sheet.lines if line.get_marker() == "None"]
    led = []
    for label, leader in zip(labels, leaders, strict=True):
        top, end = sheet.transData.transform(leader.get_xydata())
        assert top[0] == pytest.approx(
            sheet.transData.transform(label.get_position())[0]
        )
        assert end[1] == pytest.approx(curve.get_window_extent().y1)
        led.append((end[0], top[0]))
        middle_s, _ = curve.transData.inverted().transform(end)
        rank = texts_of(picture)[texts_of(picture).index(label) - 1].get_text()
        assert middle_s == pytest.approx(sum(spans[int(rank) - 1]) / 2, rel=1e-6)
    tops = [top for _, top in sorted(led)]
    assert tops == sorted(tops), "leaders cross"


def test_a_label_says_rank_span_and_score(long: Path) -> None:
    words = words_of(figure(long, make_answer(long, (59.97, 3725.26), (2, 3))))
    assert words[words.index("1") + 1] == "1:00.0–1:02:05.3\nscore 1.00"
    assert words[words.index("2") + 1] == "0:02.0–0:03.0\nscore 0.50"


@pytest.mark.parametrize("seconds", [0.3, 3, 59, 3599, 36_000, 400_000])
def test_the_times_on_the_axis_can_be_read(tmp_path: Path, seconds: float) -> None:
    path = make_film(tmp_path / "film.mp4", seconds=seconds, width=64, height=36)
    picture = figure(path, make_answer(path, (0, seconds / 4)))
    axes = axes_of(picture, "curve")
    labels = [label for label in axes.get_xticklabels() if label.get_text()]
    low, high = axes.get_xlim()
    shown = [label for label in labels if low <= label.get_position()[0] <= high]
    assert 3 <= len(shown) <= 12
    assert len({label.get_text() for label in shown}) == len(shown)
    assert_apart_and_inside(picture, shown)


def test_bars_are_as_long_as_the_phrases_weigh(short: Path) -> None:
    picture = figure(short, make_answer(short, (3, 5)))
    (sheet,) = picture.axes
    lengths = np.array([bar.get_width() for bar in sheet.patches])  # type: ignore[attr-defined]
    np.testing.assert_allclose(lengths / lengths.sum(), [0.5, 0.3, 0.2])
    words = words_of(picture)
    first, end = map(words.index, ("shares, together 1.00", "Frames of moment 1"))
    bars = words[first + 1 : end]
    assert bars[::2] == ["a man opens the fridge", "a man", "the fridge"]
    assert bars[1::2] == ["0.50", "0.30", "0.20"]
    assert_apart_and_inside(picture, texts_of(picture))


@pytest.mark.parametrize(
    ("confidence", "says", "colour"),
    [
        (CLEAR, f"clear match, confidence {CLEAR:.2f}", "#0072b2"),
        (0.41, "no clear match (confidence 0.41)", "#8c8c8c"),
    ],
)
def test_what_is_not_clear_is_said_and_grey(
    short: Path, confidence: float, says: str, colour: str
) -> None:
    picture = figure(short, make_answer(short, (3, 5), confidence=confidence))
    assert words_of(picture)[1] == f"short.mp4, 0:12.0: {says}"
    axes = axes_of(picture, "curve")
    shown = spans_in(axes)["moment 1"].get_facecolor()
    assert to_rgb(shown) == to_rgb(colour)
    is_grey = line_in(axes, "relevance")[2] == "#8c8c8c"
    assert is_grey == says.startswith("no")


def test_the_best_frame_is_the_highest_within_the_best_moment(short: Path) -> None:
    answer = make_answer(short, (3, 5), (7, 9))
    answer.relevance[:] = 0
    answer.relevance[[7, 8, 16]] = 3, 4, 5
    assert answer.times_s[best_frame(answer)] == 4
    picture = figure(short, answer)
    x, y, _ = line_in(axes_of(picture, "curve"), "best frame")
    assert (x.item(), y.item()) == (4, 4)
    assert "Best frame of moment 1, 0:04.0" in words_of(picture)
    photo, _ = axes_of(picture, "frame").images
    assert np.abs(image_of(photo).astype(int) - GREYS[2]).max() <= 3
    box = photo.get_window_extent()
    assert box.width / box.height == pytest.approx(320 / 180, rel=0.01)


def test_of_frames_as_good_as_each_other_the_middlemost_is_best(short: Path) -> None:
    answer = make_answer(short, (3, 6))
    answer.relevance[:] = 0.5
    assert answer.times_s[best_frame(answer)] == 4.5


def test_a_moment_between_two_frames_has_a_best_frame(short: Path) -> None:
    answer = make_answer(short, (3.3, 3.4))
    assert answer.times_s[best_frame(answer)] == 3.5


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param((3.3, 3.4), [], id="between two frames"),
        pytest.param((3.0, 3.5), [3.0], id="one"),
        pytest.param((2.9, 4.1), [3.0, 3.5, 4.0], id="all that there are"),
        pytest.param((3.0, 10.0), [3.0, 5.0, 7.5, 9.5], id="some of many"),
    ],
)
def test_frames_of_the_best_moment_are_shown_beside_each_other(
    short: Path, span: tuple[float, float], expected: list[float]
) -> None:
    answer = make_answer(short, span)
    assert answer.times_s[some_frames(answer)].tolist() == expected
    picture = figure(short, answer)
    words = words_of(picture)
    if len(expected) < 2:
        assert "Frames of moment 1" not in words
        return
    shown = words[words.index("Frames of moment 1") + 1 :]
    assert shown == [f"0:{time_s:04.1f}" for time_s in expected]
    photos = axes_of(picture, "moment").images[::2]
    boxes = [photo.get_window_extent() for photo in photos]
    for photo, box, time_s in zip(photos, boxes, expected, strict=True):
        grey = GREYS[int(time_s / 2)]
        assert np.abs(image_of(photo).astype(int) - grey).max() <= 3
        assert box.width / box.height == pytest.approx(320 / 180, rel=0.01)
    for one, other in pairwise(boxes):
        assert one.x1 < other.x0
    assert boxes[-1].x1 <= axes_of(picture, "strip").get_window_extent().x1 + 1


def test_each_frame_of_the_moment_is_coloured_where_its_own_weight_is(
    short: Path,
) -> None:
    answer = make_answer(short, (3, 5))
    numbers = some_frames(answer)
    answer.region_weights[:] = 1 / 9
    for region, number in enumerate(numbers):
        answer.region_weights[number] = np.eye(9)[region]
    for region, heat_over in enumerate(
        axes_of(figure(short, answer), "moment").images[1::2]
    ):
        expected = heat(GRID, np.eye(9)[region], image_of(heat_over).shape[::-1])
        np.testing.assert_allclose(image_of(heat_over), expected)


MODEL = Terms(part="word", relevance="of the best window", line="clear from it")


def test_what_is_said_of_the_numbers_is_what_the_answer_calls_them(short: Path) -> None:
    picture = figure(short, make_answer(short, (3, 5), terms=MODEL))
    curve = axes_of(picture, "curve")
    assert curve.get_ylabel() == "relevance (of the best window)"
    legend = curve.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["clear from it"]
    assert set(line_in(curve, "clear from it")[1]) == {1.5}
    assert "Weight of each word" in words_of(picture)
    picture = figure(short, make_answer(short, (3, 5)))
    ylabel = axes_of(picture, "curve").get_ylabel()
    assert ylabel == "relevance (standard deviations)"
    assert "Weight of each phrase" in words_of(picture)


@pytest.mark.parametrize("scale", [0.01, 1, -1, 99])
def test_the_axis_of_relevance_fits_the_page(short: Path, scale: float) -> None:
    answer = make_answer(short, (3, 5))
    answer.relevance[:] *= scale
    curve = axes_of(picture := figure(short, answer), "curve")
    assert_apart_and_inside(picture, [curve.yaxis.label])


def test_of_many_words_those_that_weigh_most_are_shown_in_their_order(
    short: Path,
) -> None:
    words = tuple(f"w{i}" for i in range(40))
    weights = np.arange(40.0)[::-1] ** 2
    answer = make_answer(
        short, (3, 5), parts=words, part_weights=weights / weights.sum(), terms=MODEL
    )
    picture = figure(short, answer)
    shown = words_of(picture)
    assert [word for word in shown if word in words] == list(words[:MOST_PARTS])
    assert f"the greatest {MOST_PARTS} of 40 shares, all together 1.00" in shown
    assert_apart_and_inside(picture, texts_of(picture))
    assert picture.get_figheight() < 9


@pytest.mark.parametrize("heaviest", range(9))
def test_heat_is_greatest_amid_the_heaviest_region(heaviest: int) -> None:
    weights = np.full(9, 0.05)
    weights[heaviest] = 0.6
    spread = heat(GRID.astype(np.float16), weights, (70, 35))
    assert spread.shape == (35, 70)
    assert spread.max() == 1 and spread.min() >= 0
    y, x = np.unravel_index(spread.argmax(), spread.shape)
    x0, y0, x1, y1 = GRID[heaviest]
    assert (x + 0.5) / 70 == pytest.approx((x0 + x1) / 2, abs=0.03)
    assert (y + 0.5) / 35 == pytest.approx((y0 + y1) / 2, abs=0.03)


def test_weights_that_are_alike_colour_a_tiled_picture_nearly_evenly() -> None:
    tiles = np.array([(x, y, x + 1, y + 1) for y in range(6) for x in range(6)]) / 6
    assert heat(tiles, np.full(36, 1 / 36), (300, 200)).min() > 0.7
    only = heat(tiles, np.eye(36)[14], (300, 300))
    assert only[100:150, 100:150].mean() > 0.6
    only[100:150, 100:150] = 0
    assert only[:50].max() < 0.02 and only.mean() < 0.04


def test_the_frame_is_coloured_where_the_heaviest_region_is(
    short: Path, tmp_path: Path
) -> None:
    answer = make_answer(short, (3, 5))
    answer.region_weights[:] = np.eye(9)[2]  # above, on the right
    picture = figure(short, answer)
    frame = axes_of(picture, "frame")
    picture.savefig(tmp_path / "out.png", dpi=DPI)
    left, low, right, high = (round(edge) for edge in frame.get_window_extent().extents)
    with Image.open(tmp_path / "out.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    inside = pixels[::-1][low + 2 : high - 2, left + 2 : right - 2][::-1]
    pink = inside[..., 0] - inside[..., 1]
    y, x = np.unravel_index(pink.argmax(), pink.shape)
    assert x / pink.shape[1] == pytest.approx(11 / 14, abs=0.1)
    assert y / pink.shape[0] == pytest.approx(3 / 14, abs=0.1)
    assert pink[:, : pink.shape[1] // 4].max() < 10


ODD = [
    "from $5 to $10, $\\nothing_1^2$ \\frac{a}{b} 100% #1 {}",
    "😀 早上好 naïve Ѫ العربية ͿѪ \U0001f9d1‍\U0001f680",
    "line\nbreak\tand \x00\x07 controls",
    "half a character \udce9",
    "x" * 400,
    "a man opens the fridge and takes the milk out, " * 12,
]


@pytest.mark.parametrize("query", ODD, ids=range(len(ODD)))
def test_any_sentence_is_shown_as_it_is(
    short: Path, tmp_path: Path, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = make_answer(short, (3, 5), query=query, parts=(query, "a man", query))
    picture = figure(short, answer)
    with caplog.at_level(logging.WARNING):
        picture.savefig(tmp_path / "out.png")
    assert not caplog.records
    texts = texts_of(picture)
    titles = [text for text in texts if text.get_fontsize() == texts[0].get_fontsize()]
    shown = "".join(text.get_text() for text in titles)
    wanted = query.encode("utf-8", "backslashreplace").decode()
    assert "".join(shown.split()) == "".join(wanted.split())
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= 0.5 * DPI and box.x1 <= (WIDTH_IN - 0.15) * DPI


@pytest.mark.parametrize("size", [(36, 64), (640, 60), (60, 640)])
def test_any_shape_of_film_leaves_room_for_all(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = make_film(tmp_path / "film.mp4", seconds=3, width=size[0], height=size[1])
    picture = figure(path, make_answer(path, (1, 2)))
    assert_apart_and_inside(picture, texts_of(picture))
    frame = axes_of(picture, "frame").get_window_extent()
    assert frame.width / frame.height == pytest.approx(size[0] / size[1], rel=0.01)
    assert picture.get_figheight() < 9


def test_the_state_that_pyplot_shares_is_not_touched() -> None:
    code = "import sys, slta.plots.answer; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=10).map(sorted),
    st.floats(0.1, 10),
)
def test_spread_out_keeps_order_distance_and_ends(
    wanted: list[float], gap: float
) -> None:
    places = spread_out(wanted, gap, 100.0)
    for one, other in pairwise(places):
        assert other - one >= gap * (1 - 1e-9)
    assert places[0] >= gap / 2 - 1e-9 and places[-1] <= 100 - gap / 2 + 1e-9
    already = [place for place in wanted if gap / 2 <= place <= 100 - gap / 2]
    if len(already) == len(wanted) and all(b - a > gap for a, b in pairwise(wanted)):
        np.testing.assert_allclose(places, wanted)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([50.0], [50]),
        ([50.0, 50.0], [45, 55]),
        ([50.0, 52.0, 90.0], [46, 56, 90]),
        ([0.0, 0.0], [5, 15]),
        ([99.0, 100.0], [85, 95]),
    ],
)
def test_spread_out_moves_neighbours_to_both_sides(
    wanted: list[float], expected: list[float]
) -> None:
    np.testing.assert_allclose(spread_out(wanted, 10.0, 100.0), expected)


@given(st.text(max_size=200), st.floats(0.5, 6))
def test_folding_loses_nothing_and_fits(text: str, width_in: float) -> None:
    lines = fold(text, [SANS, LAST_RESORT], 8.0, width_in)
    wanted = text.encode("utf-8", "backslashreplace").decode()
    assert "".join("".join(lines).split()) == "".join(wanted.split())
    assert all(wide_in(line, [SANS, LAST_RESORT], 8.0) <= width_in for line in lines)


def test_a_font_is_found_for_what_the_first_lacks() -> None:
    assert fonts("plain naïve Ж") == [SANS, LAST_RESORT]
    assert fonts("\U0001d4d0")[0] == SANS
    script = "\u1d8d"  # a letter that comes with matplotlib, in another family
    assert fonts(script) == [SANS, "STIXGeneral", LAST_RESORT]


@pytest.mark.real
@pytest.mark.parametrize("name", ["intel_car-detection.mp4", "mmaction2_demo.mp4"])
def test_a_real_video_is_drawn(shared_videos: Path, tmp_path: Path, name: str) -> None:
    path = shared_videos / name
    draw(path, make_answer(path, (2, 5), (7, 8)), tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        colours = np.unique(
            np.asarray(image.convert("RGB").resize((200, 160))).reshape(-1, 3), axis=0
        )
    assert len(colours) > 1000
