"""The network in 8 bits, against the same network in float32."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from jaxtyping import Float, UInt8
from PIL import Image

from slta.features.networks import efficientnet, efficientnet_int8, onnx
from slta.features.networks.graph import Graph
from tests.support.extractors import cosines

SIDE = 160
PHOTOS = ["chelsea", "coffee", "rocket", "astronaut"]


@pytest.fixture(scope="module")
def photos() -> UInt8[np.ndarray, "n s s 3"]:
    images = (Image.fromarray(getattr(skimage.data, name)()) for name in PHOTOS)
    return np.stack([np.array(image.resize((SIDE, SIDE))) for image in images])


def in_float32(
    name: str, images: UInt8[np.ndarray, "n s s 3"], folder: Path
) -> Float[np.ndarray, "n y x d"]:
    graph, weights = Graph(), efficientnet.weights(name)
    given = graph.input("images", np.uint8, "n", SIDE, SIDE, 3)
    *_, last = efficientnet.blocks(graph, given, weights)
    cells = efficientnet.head(graph, last, weights)
    graph.output("cells", graph("Transpose", cells, perm=[0, 2, 3, 1]), *"nyxd")
    graph.write(folder / "float32.onnx")
    return np.asarray(
        onnx.session(folder / "float32.onnx").run(None, {"images": images})[0]
    )


def in_int8(
    name: str, images: UInt8[np.ndarray, "n s s 3"], folder: Path, threads: int = 0
) -> Float[np.ndarray, "n y x d"]:
    graph, weights = Graph(), efficientnet.weights(name)
    given = graph.input("images", np.uint8, "n", SIDE, SIDE, 3)
    cells = efficientnet_int8.cells(graph, given, weights, SIDE)
    graph.output("cells", graph("Cast", cells.name, to=1), *"nyxd")
    graph.write(folder / "int8.onnx")
    session = onnx.session(folder / "int8.onnx", threads=threads)
    return np.asarray(
        session.run(None, {"images": images})[0] * cells.range.steps, np.float32
    )


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite2"])
def test_photos_look_nearly_the_same(
    name: str, photos: UInt8[np.ndarray, "n s s 3"], tmp_path: Path
) -> None:
    exact = in_float32(name, photos, tmp_path)
    near = in_int8(name, photos, tmp_path)
    assert near.shape == exact.shape == (len(PHOTOS), SIDE // 32, SIDE // 32, 1280)
    alike = cosines(near.mean(axis=(1, 2)), exact.mean(axis=(1, 2)))
    assert alike.min() > 0.99
    # Of each cell on its own, which is no mean of many.
    assert cosines(near, exact).mean() > 0.97


def test_the_bytes_do_not_depend_on_threads_or_batches(
    photos: UInt8[np.ndarray, "n s s 3"], tmp_path: Path
) -> None:
    together = in_int8("efficientnet-lite0", photos, tmp_path, threads=2)
    for photo, cells in zip(photos, together, strict=True):
        alone = in_int8("efficientnet-lite0", photo[None], tmp_path, threads=1)
        np.testing.assert_array_equal(alone[0], cells)
