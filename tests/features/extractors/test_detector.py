"""Regions of DETR and RT-DETR against transformers itself, with small random weights."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    DetrImageProcessorPil,
    RTDetrImageProcessorPil,
)

from slta import video
from slta.errors import InputError
from slta.features import extractor
from slta.features.base import Extractor, VideoFeatures
from slta.features.extractors.detector import REGIONS, Detector, in_boxes
from slta.video.reading import Frames
from tests.support.damage import Change, cut_short, edit, remove
from tests.support.detectors import CHANNELS, MODELS, SIDES, save_detector
from tests.support.videos import film


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    top = tmp_path_factory.mktemp("detectors")

    def find(kind: str) -> Path:
        return top / kind if (top / kind).exists() else save_detector(top / kind, kind)

    return find


@pytest.fixture
def copy(folders: Callable[[str], Path], tmp_path: Path) -> Path:
    """A DETR to be spoiled."""
    return Path(shutil.copytree(folders("detr"), tmp_path / "copy"))


def pictures(n: int, seed: int = 0) -> Frames:
    shape = (n, *SIDES[::-1], 3)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Frames(images, np.arange(n) / 2)


def prepared(folder: Path, kind: str, images: np.ndarray) -> torch.Tensor:
    made_by: Any = DetrImageProcessorPil if kind == "detr" else RTDetrImageProcessorPil
    processor = made_by.from_pretrained(folder)
    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    assert isinstance(pixels, torch.Tensor)
    return pixels


def alike(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal to a part in ten thousand of what is large."""
    least = 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=least)


def overlap(low: float, high: float, cell: int, cells: int) -> float:
    return max(0.0, min(high, (cell + 1) / cells) - max(low, cell / cells))


@pytest.mark.parametrize("kind", MODELS)
def test_regions_are_the_surest_answers(
    kind: str, folders: Callable[[str], Path]
) -> None:
    folder = folders(kind)
    frames = pictures(3)
    network: Any = type(MODELS[kind](1)).from_pretrained(folder)
    found = Detector("detr", str(folder), pooled=False).video(frames)
    pooled = Detector("detr-boxes", str(folder), pooled=True).video(frames)
    pixels = prepared(folder, kind, frames.images)
    assert pixels.shape == (3, 3, *SIDES[::-1])
    seen: list[Any] = []
    network.model.backbone.register_forward_hook(lambda *given: seen.append(given[2]))
    for i in range(3):
        with torch.inference_mode():
            told = network(pixel_values=pixels[i : i + 1])
        sure: list[tuple[float, int]] = []
        for number, logits in enumerate(told.logits[0].tolist()):
            if kind == "detr":
                exps = np.exp(np.array(logits))
                sure.append((float(exps[:-1].max() / exps.sum()), number))
            else:
                sure.append((max(1 / (1 + np.exp(-x)) for x in logits), number))
        best = [number for _, number in sorted(sure, reverse=True)[:REGIONS]]
        states = told.last_hidden_state[0, best].numpy()
        np.testing.assert_allclose(found.regions[i], states, atol=1e-4)
        centres = told.pred_boxes[0, best].numpy()
        corners = np.concatenate(
            [
                centres[:, :2] - centres[:, 2:] / 2,
                centres[:, :2] + centres[:, 2:] / 2,
            ],
            axis=1,
        )
        corners = np.minimum(np.maximum(corners, 0), 1)
        np.testing.assert_allclose(found.boxes[i], corners, atol=1e-5)
        np.testing.assert_allclose(pooled.boxes[i], corners, atol=1e-5)
        cells = seen[i][-1][0][0].numpy()
        _, rows, columns = cells.shape
        for region, (x0, y0, x1, y1) in zip(pooled.regions[i], corners, strict=True):
            total, weight = np.zeros(CHANNELS), 0.0
            for y in range(rows):
                for x in range(columns):
                    share = overlap(y0, y1, y, rows) * overlap(x0, x1, x, columns)
                    total += share * cells[:, y, x]
                    weight += share
            alike(region, total / weight)
    assert found.regions.shape == (3, REGIONS, 16)
    assert pooled.regions.shape == (3, REGIONS, CHANNELS)
    assert np.ptp(found.regions, axis=1).max() > 0.1


def test_a_frame_is_the_mean_of_its_regions(folders: Callable[[str], Path]) -> None:
    found = Detector("detr", str(folders("detr")), pooled=False).video(pictures(2))
    np.testing.assert_allclose(found.frames, found.regions.mean(axis=1), atol=1e-6)
    assert found.times_s.tolist() == [0, 0.5]
    assert found.frame_meanings is None


def test_a_detector_of_fewer_answers_has_fewer_regions(tmp_path: Path) -> None:
    found = Detector(
        "detr", str(save_detector(tmp_path / "few", "detr", 7)), pooled=False
    )
    assert found.video(pictures(1)).regions.shape == (1, 7, 16)


def test_how_many_frames_come_at_once_does_not_matter(
    folders: Callable[[str], Path],
) -> None:
    one = Detector("detr", str(folders("detr")), pooled=True)
    together, again = one.video(pictures(6)), one.video(pictures(6))
    for name, array in together.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])
    for i in (0, 3, 4, 5):
        frames = Frames(pictures(6).images[i : i + 1], np.zeros(1))
        alone = one.video(frames)
        np.testing.assert_allclose(together.boxes[i], alone.boxes[0], atol=1e-4)
        alike(together.regions[i], alone.regions[0])


@pytest.mark.parametrize("kind", ["detr", "rt_detr"])
@pytest.mark.parametrize("shown", [(640, 480), (480, 640), (100, 100), (1920, 300)])
def test_pictures_are_as_large_as_transformers_makes_them(
    kind: str, shown: tuple[int, int], folders: Callable[[str], Path]
) -> None:
    width, height = shown
    blank = np.zeros((1, height, width, 3), np.uint8)
    pixels = prepared(folders(kind), kind, blank)
    one = Detector("detr", str(folders(kind)), pooled=False)
    assert one.size(width, height) == (pixels.shape[3], pixels.shape[2])


def test_without_a_file_that_says_so_pictures_are_prepared_as_usual(copy: Path) -> None:
    (copy / "preprocessor_config.json").unlink()
    one = Detector("detr", str(copy), pooled=False)
    assert one.size(640, 480) == (1066, 800)


def test_a_video_is_watched_in_its_own_shape(
    folders: Callable[[str], Path], tmp_path: Path
) -> None:
    path = film(tmp_path / "wide.mp4", size=(128, 48))
    one = Detector("detr", str(folders("detr")), pooled=False)
    pieces = list(one.watch(path, rate_hz=2.0))
    found = np.concatenate([piece.regions for piece in pieces])
    size = one.size(128, 48)
    assert size == (120, 45)
    frames = [*video.sample(path, rate_hz=2, size=size)]
    assert len(found) == sum(len(each.images) for each in frames) == 7
    np.testing.assert_allclose(found, one.video(frames[0]).regions, atol=1e-4)


def test_a_mean_in_boxes_that_are_cells_is_the_cells() -> None:
    cells = torch.arange(12.0).reshape(1, 1, 3, 4)
    boxes = torch.tensor(
        [[[0.25, 1 / 3, 0.5, 2 / 3], [0, 0, 1, 1], [0, 0, 0.5, 1], [1, 1, 1, 1]]]
    )
    found = in_boxes(cells, boxes).flatten().tolist()
    assert found == pytest.approx([5, 5.5, 4.5, 11], abs=1e-4)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_mean_in_any_box_is_between_the_least_and_the_greatest(
    corners: list[float],
) -> None:
    x0, x1 = sorted(corners[:2])
    y0, y1 = sorted(corners[2:])
    cells = torch.arange(30.0).reshape(1, 1, 5, 6)
    found = float(in_boxes(cells, torch.tensor([[[x0, y0, x1, y1]]])))
    assert -1e-3 <= found <= 29 + 1e-3
    same = in_boxes(torch.full((1, 1, 5, 6), 3.0), torch.tensor([[[x0, y0, x1, y1]]]))
    assert float(same) == pytest.approx(3, abs=1e-4)


def test_the_name_says_nothing_of_where_the_folder_is(
    folders: Callable[[str], Path],
) -> None:
    found = extractor(f"detr:{folders('rt_detr')}")
    assert isinstance(found, Extractor)
    assert found.id == "detr:rt_detr" and not found.common_space
    boxed = extractor(f"detr-boxes:{folders('rt_detr')}")
    assert boxed.id == "detr-boxes:rt_detr" and boxed.version == found.version
    assert extractor(f"detr:{folders('detr')}").version != found.version


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            remove("config.json"),
            "no config.json .* with a DETR model saved with save_p",
        ),
        (
            edit("config.json", "model_type", to="yolos"),
            "'yolos', not 'detr' or 'rt_detr' ",
        ),
        (edit("config.json", "model_type", to=["detr"]), r"\['detr'\], not 'detr' or"),
        (
            edit("config.json", "backbone_config", to={"model_type": "timm_backbone"}),
            "needs timm .* facebook/detr-resnet-50@no_timm",
        ),
        (edit("config.json", "use_timm_backbone", to=True), "needs timm"),
        (
            edit("config.json", "decoder_layers", to=3),
            "no weights for model.decoder.lay",
        ),
        (edit("config.json", "d_model", to=24), "cannot be read as a DETR model"),
        (
            edit("preprocessor_config.json", "image_mean", to="x"),
            "cannot be read as a DETR",
        ),
        (edit("preprocessor_config.json", "size", to={}), "cannot be read as a DETR"),
        (
            remove("model.safetensors"),
            "no model.safetensors; save or download",
        ),
        (pickled, "import DetrForObjectDetection; DetrForObjectDetection.from_pretr"),
        (cut_short, "cannot be read .*; save or download it again"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_apart(
    copy: Path, change: Change, says: str
) -> None:
    change(copy)
    with pytest.raises(InputError, match=says) as raised:
        one = Detector("detr", str(copy), pooled=False)
        one.size(64, 48)
        one.video(pictures(1))
    assert str(copy) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("detr", "detr needs weights: detr:FOLDER .* PekingU/rtdetr_r50vd"),
        ("detr-boxes", "detr-boxes needs weights: detr-boxes:FOLDER .*@no_timm"),
        ("detr:./nothing/here", "no folder ./nothing/here; give one with a DETR model"),
        ("detr:small", "no folder small; .* as detr:PekingU/rtdetr_r50vd"),
    ],
)
def test_weights_that_are_not_there_are_told_where_to_get(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=says) as raised:
        extractor(name)
    assert "\n" not in str(raised.value)


def test_torchvision_is_never_asked_for(folders: Callable[[str], Path]) -> None:
    """Its mere presence breaks other libraries where its build does not fit torch's."""
    code = f"""
import sys
sys.modules["torchvision"] = None  # importing it would raise
import numpy as np
from slta.features import extractor
from slta.video import Frames
one = extractor("detr:{folders("rt_detr")}")
one.video(Frames(np.zeros((1, 64, 96, 3), np.uint8), np.zeros(1)))
assert sys.modules["torchvision"] is None and "timm" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pieces_are_features(folders: Callable[[str], Path]) -> None:
    found = Detector("detr", str(folders("rt_detr")), pooled=False).video(pictures(1))
    assert isinstance(found, VideoFeatures)
    assert ((found.boxes[..., 2:] - found.boxes[..., :2]) >= 0).all()
