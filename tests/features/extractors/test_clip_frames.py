"""CLIP's features as Moment-DETR's authors make them, against transformers itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from slta import video
from slta.features import extractor
from slta.features.extractors.clip_frames import ClipFrames
from tests.support.dual_encoders import SIDE, save_clip
from tests.support.videos import film

QUERY = "A man opens the fridge."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("weights") / "small")


@pytest.fixture(scope="module")
def made(folder: Path) -> ClipFrames:
    found = extractor(f"clip-frames:{folder}")
    assert isinstance(found, ClipFrames) and found.id == "clip-frames:small"
    return found


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return CLIPModel.from_pretrained(folder)


@pytest.mark.parametrize("size", [(128, 64), (64, 96), (64, 64)])
def test_a_clip_is_the_centre_of_the_frame_in_its_middle(
    tmp_path: Path, folder: Path, made: ClipFrames, model: Any, size: tuple[int, int]
) -> None:
    """Of a film of 5 s: clips of 2 s begin at 0, 2 and 4 s."""
    path = tmp_path / "film.mp4"
    film(path, range(150), size=size)
    (seen,) = made.watch(path, rate_hz=0.5)
    width, height = (side * SIDE // min(size) for side in size)
    images = video.frames(path, at=[1.0, 3.0, 5.0], size=(width, height)).images
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    images = images[:, top : top + SIDE, left : left + SIDE]
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        expected = normalize(model.get_image_features(pixels).pooler_output, dim=-1)
    np.testing.assert_allclose(seen.frames, expected.numpy(), atol=1e-5)
    assert np.array_equal(seen.regions, seen.frames[:, None])


def test_words_are_the_last_states_of_all_tokens(
    folder: Path, made: ClipFrames, model: Any
) -> None:
    tokens = CLIPTokenizer.from_pretrained(folder)(
        QUERY, truncation=True, max_length=20, return_tensors="pt"
    )
    with torch.inference_mode():
        read = model.text_model(**tokens)
        states = normalize(read.last_hidden_state[0], dim=-1).numpy()
        meaning = normalize(model.get_text_features(**tokens).pooler_output, dim=-1)
    asked = made.text(QUERY)
    np.testing.assert_allclose(asked.word_vectors, states, atol=1e-5)
    np.testing.assert_allclose(asked.meanings, meaning.numpy(), atol=1e-5)
    assert len(asked.words) == len(states) == 20
    # A token for each letter: those of "man" are the noun's.
    named = zip(asked.words, asked.noun_mask, strict=True)
    assert "".join(word for word, is_noun in named if is_noun).startswith("man")
    assert (
        asked.words[0] == asked.words[-1] == "|" and not asked.noun_mask[[0, -1]].any()
    )
