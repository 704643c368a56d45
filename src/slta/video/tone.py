"""Tone mapping of HDR (ITU-R BT.2100) and wide-gamut video to BT.709.

Input is an array of 16-bit codes. Light is relative to the reference white of BT.2408,
203 cd/m², which becomes white; greys keep their codes, and highlights are compressed into
the last few.
"""

from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from jaxtyping import Float32, Float64, UInt8, UInt16

Codes: TypeAlias = UInt16[np.ndarray, "h w 3"]
Toned: TypeAlias = Callable[[Codes], UInt8[np.ndarray, "h w 3"]]

# The transfer functions and primaries, by the numbers of ITU-T H.273.
PQ, HLG = 16, 18
BT709, BT2020, P3 = 1, 9, 12
WHITE_NITS: Final = 203.0
PEAK_NITS: Final = 1000.0  # of the HLG reference display; brighter is clipped
DISPLAY_GAMMA: Final = 2.4  # BT.1886
HLG_GAMMA: Final = 1.2
KNEE: Final = 0.95
"""Codes above this fraction of white are compressed."""
PRIMARIES: Final = {
    BT2020: (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    P3: (
        (1.224940, -0.224940, 0.0),
        (-0.042057, 1.042057, 0.0),
        (-0.019638, -0.078636, 1.098273),
    ),
}
"""Matrices from linear RGB with these primaries to BT.709."""
LUMINANCE: Final = np.array([0.2627, 0.6780, 0.0593], np.float32)  # of BT.2020
STEPS: Final = 1 << 16
ROWS: Final = 16


def toned(transfer: int, primaries: int) -> Toned | None:
    """A function that maps pictures of this transfer function and these primaries to
    BT.709; None if nothing needs mapping."""
    if transfer in (PQ, HLG):
        return _toned(transfer, primaries)
    # Of the others only BT.2020 matters: its colours would look pale.
    return _toned(-1, primaries) if primaries == BT2020 else None


@cache
def _toned(transfer: int, primaries: int) -> Toned:
    codes = np.linspace(0, 1, STEPS)
    curve = {PQ: _pq, HLG: _hlg}.get(transfer, _sdr)
    light_of = curve(codes).astype(np.float32)
    # Uniform steps in the square root of light, which is nearly perceptually uniform.
    peak = light_of[-1] if curve is _sdr else np.float32(PEAK_NITS / WHITE_NITS)
    code_of = np.rint(255 * _code(peak * codes**2)).astype(np.uint8)
    unlike = primaries != BT709
    known = PRIMARIES.get(primaries, PRIMARIES[BT2020])
    matrix = np.array(known if unlike else np.eye(3), np.float32).T

    def rows(image: Codes) -> UInt8[np.ndarray, "h w 3"]:
        light: Float32[np.ndarray, "h w 3"] = light_of[image]
        if curve is _hlg:
            light *= _system(light @ LUMINANCE)[..., None]
        light = light @ matrix
        np.clip(light, 0, peak, out=light)
        np.sqrt(light, out=light)
        light *= (STEPS - 1) / np.sqrt(peak)
        return code_of[light.astype(np.uint16)]

    def tone(image: Codes) -> UInt8[np.ndarray, "h w 3"]:
        # A few rows at a time stay in the processor's cache.
        out = np.empty(image.shape, np.uint8)
        for start in range(0, len(image), ROWS):
            out[start : start + ROWS] = rows(image[start : start + ROWS])
        return out

    return tone


def _pq(code: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """SMPTE ST 2084 (PQ): code to display light."""
    root = code ** (32 / 2523)
    linear = np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)
    return np.asarray(10_000 / WHITE_NITS * linear ** (8192 / 1305))


def _hlg(code: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """BT.2100 HLG: code to scene light, before the display's gamma."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


def _system(
    luminance: Float32[np.ndarray, "h w"],
) -> Float32[np.ndarray, "h w"]:
    """Factor from scene to display light on a display of ``PEAK_NITS``."""
    factor = PEAK_NITS / WHITE_NITS * luminance ** (HLG_GAMMA - 1)
    return np.asarray(factor, np.float32)


def _sdr(code: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    return np.asarray(code**DISPLAY_GAMMA)


def _code(light: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """BT.709 code of light, as a fraction of white, compressed above ``KNEE``."""
    code = light ** (1 / DISPLAY_GAMMA)
    if code[-1] <= 1:
        return np.asarray(code)
    over, room, most = np.maximum(code - KNEE, 0), 1 - KNEE, code[-1] - KNEE
    # A hyperbola: of slope 1 at the knee, and white for the brightest.
    high = over / (1 + over * (1 / room - 1 / most))
    return np.where(code <= KNEE, code, KNEE + high)
