"""Renders a scene as pictures; objects at rest are drawn once."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, UInt8
from PIL import Image, ImageDraw

from slta.datasets.shapes.scene import (
    COLOURS,
    HOLES,
    OUTLINES,
    REACH,
    Cue,
    Scene,
    Thing,
)

FINE = 4
"""Subpixel steps of positions."""
DARK = (24, 24, 28)
RAMP_S = 0.25

Picture = UInt8[np.ndarray, "h w 3"]
Light = Float32[np.ndarray, "h w 3"]
Patch = tuple[Float32[np.ndarray, "s s 3"], Float32[np.ndarray, "s s 3"]]
"""Colours, and their coverage of each pixel, by channel."""
Flakes = Float[np.ndarray, "n 4"]


def pictures(
    scene: Scene, rng: np.random.Generator, width: int, height: int
) -> Iterator[Picture]:
    """All frames; the randomness is in the background and the snow."""
    ground = _background(rng, width, height)
    flakes = rng.random((260, 4))
    patch = lru_cache(64)(_patch)
    tracks = scene.tracks
    for t in range(len(tracks.places)):
        light = ground.copy()
        # Small objects first: what hides another is larger.
        for i in np.argsort(tracks.diameters[t]):
            if tracks.visible[t, i] or _hidden(scene, t, int(i)):
                size = float(tracks.diameters[t, i]) * height
                fine = np.rint(tracks.places[t, i] * height * FINE).astype(int)
                (x, y), (dx, dy) = (fine // FINE).tolist(), (fine % FINE).tolist()
                angle = round(float(tracks.angles[t, i]), 3)
                drawn = patch(scene.things[i], round(size, 1), angle, dx, dy)
                _paste(light, drawn, x, y)
        for cue in scene.cues:
            if cue.start <= t < cue.end:
                light = _under(cue, t, light, flakes, scene.stage.rate_hz)
        light += 0.5
        yield np.clip(light, 0, 255, out=light).astype(np.uint8)


def _hidden(scene: Scene, t: int, i: int) -> bool:
    """Whether it is visible in the scene but behind another object."""
    return any(
        event.deed.partner == i and event.start <= t < event.end
        for event in scene.events
    )


def _background(rng: np.random.Generator, width: int, height: int) -> Light:
    """Smooth noise at several scales in a muted colour."""
    shade = rng.uniform(70, 135) + rng.uniform(-16, 16, 3)
    ground = np.tile(shade.astype(np.float32), (height, width, 1))
    for cells, strength in ((3, 16), (9, 10), (30, 9), (90, 7)):
        coarse = rng.normal(0, strength, (cells * 3 // 4 + 1, cells)).astype(np.float32)
        smooth = Image.fromarray(coarse).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        tint = 1 + rng.uniform(-0.25, 0.25, 3)
        ground += np.asarray(smooth)[..., None] * tint.astype(np.float32)
    return np.clip(ground, 20, 190)


def _patch(thing: Thing, size: float, angle: float, dx: int, dy: int) -> Patch:
    """The sprite of an object, centred."""
    half = int(size / 2 * (REACH + 0.05)) + 3
    image = Image.new("RGBA", (2 * half * FINE,) * 2, (*DARK, 0))
    draw = ImageDraw.Draw(image)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    line = max(2, round(size / 2 * FINE * 0.07))
    for outlines, fill in (
        (OUTLINES, (*COLOURS[thing.colour], 255)),
        (HOLES, (*DARK, 0)),
    ):
        if thing.shape in outlines:
            corners = outlines[thing.shape] @ turn * (size / 2 * FINE)
            corners += half * FINE + np.array([dx, dy])
            flat = [tuple(corner) for corner in corners.tolist()]
            draw.polygon(flat, fill, (*DARK, 255), line)
    pixels = np.asarray(image.reduce(FINE), np.float32)
    # Three values a pixel in each: broadcasting is slow here.
    filled = np.repeat(pixels[..., 3:] * np.float32(1 / 255), 3, axis=2)
    return np.ascontiguousarray(pixels[..., :3]), filled


def _paste(light: Light, drawn: Patch, x: int, y: int) -> None:
    colours, filled = drawn
    half = len(colours) // 2
    height, width, _ = light.shape
    left, top = max(0, half - x), max(0, half - y)
    right, bottom = min(2 * half, width + half - x), min(2 * half, height + half - y)
    here = light[top + y - half : bottom + y - half, left + x - half : right + x - half]
    change = colours[top:bottom, left:right] - here
    change *= filled[top:bottom, left:right]
    here += change


def _under(cue: Cue, t: int, light: Light, flakes: Flakes, rate_hz: int) -> Light:
    """The picture with a cue, which fades in and out."""
    edge_s = min(t - cue.start + 1, cue.end - t) / rate_hz
    strength = np.float32(min(1, edge_s / RAMP_S))
    passed = (t - cue.start) / (cue.end - cue.start)
    return (1 - strength) * light + strength * EFFECTS[cue.name](light, passed, flakes)


def _dim(light: Light, passed: float, flakes: Flakes) -> Light:
    return light * np.float32(0.3)


def _fog(light: Light, passed: float, flakes: Flakes) -> Light:
    return light * np.float32(0.4) + np.float32(0.6 * 225)


def _snow(light: Light, passed: float, flakes: Flakes) -> Light:
    snowy = light.copy()
    height, width, _ = light.shape
    side = max(1, height // 96)
    xs = (flakes[:, 0] + 0.05 * np.sin(9 * passed + 6 * flakes[:, 2])) % 1
    ys = (flakes[:, 1] + passed * (0.6 + 0.6 * flakes[:, 3])) % 1
    rows, columns = (ys * height).astype(int), (xs * width).astype(int)
    for down in range(side + 1):
        for right in range(side + 1):
            snowy[(rows + down) % height, (columns + right) % width] = 250
    return snowy


def _cloud(light: Light, passed: float, flakes: Flakes) -> Light:
    """A dark band along the top that moves from left to right."""
    height, width, _ = light.shape
    x = np.linspace(0, 1, width, dtype=np.float32) - np.float32(1.8 * passed - 0.4)
    depth = 0.34 + 0.03 * np.sin(40 * x) + 0.03 * np.sin(23 * x + 1)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    edge = np.clip((depth - y) * 12, 0, 1) * np.clip((0.45 - abs(x)) * 8, 0, 1)
    dark = np.array([34, 34, 46], np.float32)
    return light + (dark - light) * (0.8 * edge[..., None]).astype(np.float32)


def _grey(light: Light, passed: float, flakes: Flakes) -> Light:
    grey = light @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat(grey[..., None], 3, axis=2)


def _warm(light: Light, passed: float, flakes: Flakes) -> Light:
    return light * np.array([1.15, 0.8, 0.35], np.float32) + np.float32(18)


EFFECTS = {
    "dim": _dim,
    "fog": _fog,
    "snow": _snow,
    "cloud": _cloud,
    "grey": _grey,
    "warm": _warm,
}
