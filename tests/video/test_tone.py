"""Films of high dynamic range: what a network and a screen of BT.709 are shown."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from slta import video
from slta.moments import Span
from slta.video.tone import BT709, BT2020, HLG, P3, PQ, toned
from slta.video.writing import cut

SIZE = (64, 48)
PARAMS = "colorprim={}:transfer={}:colormatrix={}"
SDR = PARAMS.format("bt709", "bt709", "bt709")
WIDE = {
    "pq": PARAMS.format("bt2020", "smpte2084", "bt2020nc"),
    "pq, no matrix": PARAMS.format("bt2020", "smpte2084", "undef"),
    "hlg": PARAMS.format("bt2020", "arib-std-b67", "bt2020nc"),
}


def sheet(path: Path, params: str, white: int, grey: int) -> Path:
    """A second of a white sheet on a grey table, in 10 bits; luma of limited range."""
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p10le"
        stream.options = {"x264-params": params, "crf": "4"}
        for tick in range(10):
            frame = VideoFrame(*SIZE, "yuv420p10le")
            luma = np.full(SIZE[::-1], grey, np.uint16)
            luma[12:36, 16:48] = white
            chroma = np.full((24, 32), 512, np.uint16)
            for plane, values in zip(frame.planes, (luma, chroma, chroma), strict=True):
                rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                rows[:, : plane.width] = values
                plane.update(rows.tobytes())
            frame.pts = tick
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def shown(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """What the sheet and the table look like."""
    (image,) = video.frames(path, at=[0.5], size=(32, 24)).images
    return image[12, 16].astype(int), image[2, 2].astype(int)


def pq(nits: float) -> float:
    """SMPTE ST 2084, from light to code."""
    y = (nits / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375)


def hlg(scene: float) -> float:
    """BT.2100, from light of the scene to code."""
    if scene <= 1 / 12:
        return float((3 * scene) ** 0.5)
    return float(0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073)


def luma(code: float) -> int:
    return round(64 + 876 * code)


@pytest.mark.parametrize("kind", WIDE)
def test_a_white_sheet_is_white_and_a_grey_table_as_grey_as_in_sdr(
    tmp_path: Path, kind: str
) -> None:
    # The table reflects a tenth of the light; a screen of SDR has a gamma of 2.4.
    light = 203 * np.array([1.0, 0.1])
    codes = [
        hlg((nits / 1000) ** (1 / 1.2)) if kind == "hlg" else pq(nits) for nits in light
    ]
    path = sheet(tmp_path / "hdr.mp4", WIDE[kind], *map(luma, codes))
    twin = sheet(tmp_path / "sdr.mp4", SDR, luma(1), luma(0.1 ** (1 / 2.4)))
    for here, there in zip(shown(path), shown(twin), strict=True):
        assert np.abs(here - there).max() <= 8, (here, there)
    white, grey = shown(twin)
    assert white.min() >= 254 and np.abs(grey - 98).max() <= 1


def test_a_cut_of_hdr_looks_the_same_in_a_browser(tmp_path: Path) -> None:
    path = sheet(tmp_path / "hdr.mp4", WIDE["pq"], luma(pq(203)), luma(pq(20.3)))
    cut(path, Span(0.2, 0.8), tmp_path / "cut.mp4")
    with av.open(str(tmp_path / "cut.mp4")) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == "yuv420p"
        tags = {frame.color_primaries, frame.color_trc, frame.colorspace}
        assert tags == {1}, "BT.709"
    for here, there in zip(shown(path), shown(tmp_path / "cut.mp4"), strict=True):
        assert np.abs(here - there).max() <= 4


@pytest.mark.parametrize("transfer", [PQ, 14])
def test_red_is_no_paler_in_a_wide_gamut(transfer: int) -> None:
    """Of the primaries of BT.2020, red of BT.709 is this mixture (BT.2087)."""
    light = np.array([0.6274, 0.0691, 0.0164])
    code = [*map(pq, 203 * light)] if transfer == PQ else light ** (1 / 2.4)
    tone = toned(transfer, BT2020)
    assert tone is not None
    image = tone(np.rint(65535 * np.array([[code]])).astype(np.uint16))
    assert np.abs(image[0, 0].astype(int) - [255, 0, 0]).max() <= 8, image


@pytest.mark.parametrize("primaries", [BT709, BT2020, P3, 2])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_grey_stays_grey_and_what_is_brighter_is_never_darker(
    transfer: int, primaries: int
) -> None:
    tone = toned(transfer, primaries)
    assert tone is not None
    ramp = np.linspace(0, 65535, 999).astype(np.uint16)
    image = tone(np.repeat(ramp[None, :, None], 3, axis=2))[0].astype(int)
    assert np.ptp(image, axis=1).max() <= 1
    assert (np.diff(image[:, 1]) >= 0).all()
    assert image[0].max() == 0 and image[-1].min() == 255


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14])
@pytest.mark.parametrize("primaries", [BT709, 2, 5, 6, P3])
def test_sdr_is_left_alone(transfer: int, primaries: int) -> None:
    assert toned(transfer, primaries) is None
