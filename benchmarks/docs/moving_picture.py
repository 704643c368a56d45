"""docs/images/search.webp: two searches of the film of photographs, as they answer.

The first finds its moment, the second is told that the film does not show it. Times,
curve and confidence are the answers' own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from examples import photo_film
from slta import Searcher, video
from slta.files import whole_file
from slta.moments import clock
from slta.search.answers import Answer

QUERIES = "a rocket waits on the launch pad at night", "a dog runs along the beach"
SIZE = 720, 350
TWICE = 2
"""Drawn so many times as large, and made smaller, so that lines are smooth."""
MARGIN, STRIP = 20, 66
"""Room around everything, and the height of the strip of frames."""
TERMINAL, CURVE, RESULT = 20, 150, 262
"""Top of the command, of the curve, and of the answer, in pixels."""
STRIP_TOP = 56
CURVE_HIGH = 92
FRAMES = 12
"""Of the film, in the strip."""
MOMENT = 142, 80
"""Width and height of the moment when it is played."""
PACE_MS, PLAYED_MS, HOLD_MS = 80, 160, 1600
TYPED, SWEPT, PLAYED = 10, 24, 12
"""Pictures in which the query is typed, the curve drawn, and the moment played."""
GROUND, INK, QUIET = "#ffffff", "#1f2328", "#6e7781"
BLUE, PALE, GREY = "#0072b2", "#cfe5f3", "#8c8c8c"

Picture = UInt8[np.ndarray, "h w 3"]
Strip = UInt8[np.ndarray, "n h w 3"]


@dataclass(frozen=True)
class Scene:
    answer: Answer
    strip: Strip
    moment: Strip
    """Frames of the first moment; none where there is no clear match."""

    @property
    def room(self) -> int:
        """Pixels that the film's length takes."""
        return SIZE[0] - 2 * MARGIN

    def x(self, time_s: float) -> float:
        return MARGIN + self.room * time_s / self.answer.video.duration_s

    def y(self, relevance: float) -> float:
        answer = self.answer
        low = min(float(answer.relevance.min()), answer.line)
        high = max(float(answer.relevance.max()), answer.line)
        return CURVE + CURVE_HIGH * (1 - (relevance - low) / max(high - low, 1e-9))

    @classmethod
    def of(cls, film: Path, answer: Answer) -> "Scene":
        """With its frames, each of the strip from the middle of the time it covers."""
        edges_s = np.linspace(0, answer.video.duration_s, FRAMES + 1)
        wide = round(STRIP * answer.video.width / answer.video.height)
        size = wide, STRIP
        strip = video.frames(
            film, at=(edges_s[1:] + edges_s[:-1]) / 2, size=size
        ).images
        cut = (wide - (SIZE[0] - 2 * MARGIN) // FRAMES) // 2 + 1
        span = answer.moments[0].span
        at = np.linspace(span.start, span.end, PLAYED + 1)[:-1]
        played = video.frames(film, at=at, size=MOMENT).images
        return cls(answer, strip[:, :, cut:-cut], played[: PLAYED * answer.is_clear])


def write(target: Path) -> None:
    """Composes the film, searches it and draws what came of it."""
    with TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        photo_film.compose(film)
        searcher = Searcher(store=Path(folder) / "store")
        answers = searcher.search(film, QUERIES, top=1)
        save([Scene.of(film, answer) for answer in answers], target)


def save(scenes: list[Scene], target: Path) -> None:
    pictures, lengths_ms = zip(
        *(each for s in scenes for each in shots(s)), strict=True
    )
    first, *others = pictures
    with whole_file(target) as unfinished:
        first.save(
            unfinished,
            format="WEBP",
            save_all=True,
            append_images=others,
            duration=list(lengths_ms),
            loop=0,
            quality=80,
            method=4,
        )


def shots(scene: Scene) -> Iterator[tuple[Image.Image, int]]:
    """Each picture with how long it stays, in milliseconds."""
    for done in np.linspace(0, 1, TYPED):
        yield picture(scene, typed=float(done)), PACE_MS
    for done in np.linspace(0, 1, SWEPT):
        yield picture(scene, drawn=float(done)), PACE_MS
    for image in scene.moment:
        yield picture(scene, drawn=1, answered=True, played=image), PLAYED_MS
    last = scene.moment[-1] if len(scene.moment) else None
    yield picture(scene, drawn=1, answered=True, played=last), HOLD_MS


def picture(
    scene: Scene,
    *,
    typed: float = 1,
    drawn: float = 0,
    answered: bool = False,
    played: Picture | None = None,
) -> Image.Image:
    """How much of the query is typed and of the curve drawn, as shares."""
    width, height = SIZE
    large = Image.new("RGB", (width * TWICE, height * TWICE), GROUND)
    pen = ImageDraw.Draw(large)
    answer = scene.answer
    command = f'$ slta search film.mp4 "{answer.query}"'
    shown = command[: round(len(command) * typed)]
    _text(pen, MARGIN, TERMINAL, shown, INK, 15, mono=True)
    moment = answer.moments[0].span
    if answered and answer.is_clear:
        box = scene.x(moment.start), CURVE - 8, scene.x(moment.end), CURVE + CURVE_HIGH
        pen.rectangle([value * TWICE for value in box], fill=PALE)
    if drawn:
        _curve(pen, scene, drawn)
    _strip(large, scene)
    if drawn and not answered:
        x = (MARGIN + scene.room * drawn) * TWICE
        ends = [(x, STRIP_TOP * TWICE), (x, (CURVE + CURVE_HIGH) * TWICE)]
        pen.line(ends, fill=INK, width=TWICE)
    if answered:
        _answer(pen, scene)
    if played is not None:
        left = width - MARGIN - MOMENT[0]
        shown_at = left * TWICE, (RESULT - 8) * TWICE
        large.paste(
            Image.fromarray(played).resize([n * TWICE for n in MOMENT]), shown_at
        )
    return large.resize(SIZE, Image.Resampling.LANCZOS)


def _strip(large: Image.Image, scene: Scene) -> None:
    for number, image in enumerate(scene.strip):
        left = round(MARGIN + scene.room * number / FRAMES) + 1
        size = image.shape[1] * TWICE, image.shape[0] * TWICE
        frame = Image.fromarray(image).resize(size)
        large.paste(frame, (left * TWICE, STRIP_TOP * TWICE))


def _curve(pen: ImageDraw.ImageDraw, scene: Scene, drawn: float) -> None:
    colour = BLUE if scene.answer.is_clear else GREY
    left, right = MARGIN * TWICE, (MARGIN + scene.room) * TWICE
    for x in range(left, right, 8 * TWICE):
        y = scene.y(scene.answer.line) * TWICE
        pen.line([(x, y), (x + 4 * TWICE, y)], fill=GREY, width=TWICE // 2)
    answer = scene.answer
    places = [
        (scene.x(float(time_s)) * TWICE, scene.y(float(relevance)) * TWICE)
        for time_s, relevance in zip(answer.times_s, answer.relevance, strict=True)
        if time_s <= answer.video.duration_s * drawn
    ]
    if len(places) > 1:
        pen.line(places, fill=colour, width=2 * TWICE, joint="curve")
    _text(pen, MARGIN, CURVE - 16, "relevance", QUIET, 11)


def _answer(pen: ImageDraw.ImageDraw, scene: Scene) -> None:
    answer = scene.answer
    confidence = f"confidence {answer.shown_confidence(2):.2f}"
    if not answer.is_clear:
        _text(pen, MARGIN, RESULT, f"no clear match, {confidence}", INK, 15, mono=True)
        return
    span = answer.moments[0].span
    times = f"{clock(span.start)}-{clock(span.end)}"
    _text(pen, MARGIN, RESULT, times, BLUE, 22, mono=True)
    _text(pen, MARGIN, RESULT + 34, f"clear match, {confidence}", INK, 15, mono=True)


def _text(
    pen: ImageDraw.ImageDraw,
    x: float,
    y: float,
    text: str,
    colour: str,
    size: int,
    *,
    mono: bool = False,
) -> None:
    name = "DejaVuSansMono.ttf" if mono else "DejaVuSans.ttf"
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    font = ImageFont.truetype(str(file), size * TWICE)
    pen.text((x * TWICE, y * TWICE), text, fill=colour, font=font)
