"""SigLIP and SigLIP 2 against transformers itself, with small random weights."""

import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast, SiglipImageProcessorPil, SiglipModel

from slta.errors import InputError
from slta.features import extractor
from slta.features.base import Extractor
from slta.search import Searcher
from slta.video import writing
from slta.video.reading import Frames
from tests.support.damage import Change, edit, remove
from tests.support.dual_encoders import LONGEST, SIDE, save_clip, save_siglip
from tests.support.extractors import meanings_of

QUERY = "A Man opens the fridge, isn't it?"


@pytest.fixture(scope="module", params=["siglip", "siglip2"])
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("weights") / request.param
    return save_siglip(place, second=request.param == "siglip2")


@pytest.fixture(scope="module")
def siglip(folder: Path) -> Any:
    return extractor(f"siglip:{folder}")


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return SiglipModel.from_pretrained(folder)


def pictures(n: int, side: int = SIDE) -> Frames:
    shape = (n, side, side, 3)
    images = np.random.default_rng(n).integers(0, 256, shape, dtype=np.uint8)
    return Frames(images, np.arange(n) / 2)


def prepared(folder: Path, frames: Frames) -> torch.Tensor:
    processor = SiglipImageProcessorPil.from_pretrained(folder)
    pixels = processor(images=list(frames.images), return_tensors="pt")["pixel_values"]
    assert isinstance(pixels, torch.Tensor)
    return pixels


def unit(x: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(x, dim=-1).numpy()


def test_a_frame_is_what_transformers_makes_of_it(
    folder: Path, siglip: Any, model: Any
) -> None:
    frames = pictures(3)
    with torch.inference_mode():
        seen = model.get_image_features(prepared(folder, frames)).pooler_output
    made = siglip.video(frames)
    np.testing.assert_allclose(made.frames, seen.numpy(), atol=1e-5)
    np.testing.assert_allclose(meanings_of(made)[0], unit(seen), atol=1e-5)


@pytest.mark.parametrize(("side", "patch", "across"), [(32, 8, 4), (45, 5, 7)])
def test_a_region_is_the_pooling_of_the_patches_in_its_box(
    tmp_path: Path, side: int, patch: int, across: int
) -> None:
    folder = save_siglip(tmp_path, side=side, patch=patch)
    frames = pictures(2, side)
    network: Any = SiglipModel.from_pretrained(folder)
    made: Any = extractor(f"siglip:{folder}")
    made = made.video(frames)
    assert made.regions.shape == (2, across**2, 16)
    n = side // patch
    with torch.inference_mode():
        seen = network.vision_model(prepared(folder, frames)).last_hidden_state
        for region, (x0, y0, x1, y1) in enumerate(made.boxes[0] * side):
            inside = [
                i
                for i in range(n * n)
                if x0 < (i % n + 0.5) * patch < x1 and y0 < (i // n + 0.5) * patch < y1
            ]
            pooled = network.vision_model.head(seen[:, inside])
            np.testing.assert_allclose(
                made.regions[:, region], pooled.numpy(), atol=1e-5
            )


def test_a_query_is_read_as_in_training(folder: Path, siglip: Any, model: Any) -> None:
    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(folder)
    plain = QUERY.lower()
    if folder.name == "siglip":
        plain = "".join(c for c in plain if c not in string.punctuation)
    ids = tokenizer(plain, add_special_tokens=False).input_ids[: LONGEST - 1]
    assert len(ids) == LONGEST - 1
    ids.append(tokenizer.eos_token_id)
    with torch.inference_mode():
        expected = model.get_text_features(input_ids=torch.tensor([ids])).pooler_output
    np.testing.assert_allclose(
        siglip.text(QUERY).meanings[:1], unit(expected), atol=1e-5
    )


def test_a_short_query_is_padded_to_the_full_length(
    folder: Path, siglip: Any, model: Any
) -> None:
    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(folder)
    ids = [*tokenizer("a dog", add_special_tokens=False).input_ids]
    ids.append(tokenizer.eos_token_id)
    ids += [tokenizer.pad_token_id] * (LONGEST - len(ids))
    with torch.inference_mode():
        expected = model.get_text_features(input_ids=torch.tensor([ids])).pooler_output
    np.testing.assert_allclose(
        siglip.text("a dog").meanings[:1], unit(expected), atol=1e-5
    )


def test_a_word_is_the_mean_of_its_letters(
    folder: Path, siglip: Any, model: Any
) -> None:
    asked = siglip.text("Big dog's bed")
    assert asked.words == ("Big", "dog", "'s", "bed")
    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(folder)
    # Each letter is a piece, and so is each space, which belongs to no word.
    is_first = folder.name == "siglip"
    plain = "big dogs bed" if is_first else "big dog's bed"
    places = [(0, 3), (4, 7), (7, 8) if is_first else (7, 9), (-3, None)]
    ids = [*tokenizer(plain, add_special_tokens=False).input_ids]
    assert len(ids) == len(plain)
    ids.append(tokenizer.eos_token_id)
    ids += [tokenizer.pad_token_id] * (LONGEST - len(ids))
    with torch.inference_mode():
        read = model.text_model(input_ids=torch.tensor([ids]))
        states = model.text_model.head(read.last_hidden_state[0])[: len(plain)].numpy()
    expected = np.stack([states[a:b].mean(axis=0) for a, b in places])
    np.testing.assert_allclose(asked.word_vectors, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("config.json", "model_type", to="clip"), "'clip', not 'siglip'; give"),
        (remove("tokenizer.json"), "no tokenizer.json; save the model's tokenizer"),
        (
            edit("config.json", "text_config", "vocab_size", to=20),
            "the tokenizer is not that of the weights",
        ),
        (
            edit("tokenizer_config.json", "eos_token", to=None),
            "its tokenizer has no end",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_apart(
    tmp_path: Path, change: Change, message: str
) -> None:
    change(save_siglip(tmp_path / "copy"))
    with pytest.raises(InputError, match=message) as raised:
        extractor(f"siglip:{tmp_path / 'copy'}").text(QUERY)
    assert "\n" not in str(raised.value)


@pytest.mark.slice
def test_zero_shot_search_measures_with_a_bank_of_its_own(tmp_path: Path) -> None:
    """What unrelated sentences fit is counted with the extractor's own vectors of them."""
    path = tmp_path / "film.mp4"
    writing.write(path, np.repeat(pictures(4, 64).images, 12, axis=0), rate_hz=4)
    places = {
        "clip": save_clip(tmp_path / "clip"),
        "siglip": save_siglip(tmp_path / "siglip"),
    }
    stored: dict[str, np.ndarray] = {}
    for word, place in places.items():
        searcher = Searcher(f"{word}:{place}", store=tmp_path / "store")
        answer = searcher.search(path, QUERY)
        assert answer.moments and 0 < answer.confidence < 1
        retriever: Any = searcher.retriever
        one: Extractor = retriever.library.extractor
        first = retriever.unrelated[0]
        np.testing.assert_allclose(
            first.meanings, one.text(first.query).meanings, atol=1e-6
        )
        stored[word] = first.meanings
    assert stored["clip"].shape != stored["siglip"].shape
    banks = {each.name for each in (tmp_path / "store").glob("videos/unrelated/*")}
    assert len(banks) == 2
