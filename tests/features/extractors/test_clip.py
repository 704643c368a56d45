"""CLIP against transformers itself, with small random weights saved by the test."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
)
from transformers.utils import logging

from slta.errors import InputError
from slta.features import extractor
from slta.features.extractors.clip import Clip
from slta.search import Searcher
from slta.video import writing
from slta.video.reading import Frames
from tests.support.damage import Change, cut_short, edit, remove
from tests.support.extractors import meanings_of
from tests.support.small_clip import LONGEST, MEAN, SIDE, SPREAD, save

QUERY = "A man in a red shirt opens the fridge."


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("weights") / "small")


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    return Clip(str(folder))


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return CLIPModel.from_pretrained(folder)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The same weights, to be spoiled."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def pictures(n: int, side: int = SIDE) -> Frames:
    shape = (n, side, side, 3)
    images = np.random.default_rng(n).integers(0, 256, shape, dtype=np.uint8)
    return Frames(images, np.arange(n) / 2)


def unit(x: torch.Tensor) -> Float[np.ndarray, "n k"]:
    return torch.nn.functional.normalize(x, dim=-1).numpy()


def unlike(a: Float[np.ndarray, "n k"], b: Float[np.ndarray, "n k"]) -> list[int]:
    """The rows that differ."""
    return np.flatnonzero(np.abs(a - b).max(axis=1) > 1e-6).tolist()


def prepared(folder: Path, images: UInt8[np.ndarray, "t h w 3"]) -> torch.Tensor:
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    pixels = processor(images=list(images), return_tensors="pt")["pixel_values"]
    assert isinstance(pixels, torch.Tensor)
    return pixels


def test_a_frame_is_what_transformers_makes_of_it(
    folder: Path, clip: Clip, model: Any
) -> None:
    frames = pictures(3)
    pixels = prepared(folder, frames.images)
    with torch.inference_mode():
        looks = model.vision_model(pixels).pooler_output.numpy()
        meanings = unit(model.get_image_features(pixels).pooler_output)
    made = clip.video(frames)
    np.testing.assert_allclose(made.frames, looks, atol=1e-5)
    np.testing.assert_allclose(meanings_of(made)[0], meanings, atol=1e-5)
    np.testing.assert_array_equal(made.times_s, frames.times_s)


@pytest.mark.parametrize(
    "without", ["", "do_normalize", "do_rescale", "the whole file"]
)
def test_pixels_are_prepared_as_the_folder_says(copy: Path, without: str) -> None:
    path = copy / "preprocessor_config.json"
    said = json.loads(path.read_text())
    pixels = pictures(1).images.astype(np.float32)
    if without != "do_rescale":
        pixels /= 255
    if without == "the whole file":
        path.unlink()
        # The numbers that OpenAI's own weights were trained with.
        pixels -= [0.48145466, 0.4578275, 0.40821073]
        pixels /= [0.26862954, 0.26130258, 0.27577711]
    else:
        path.write_text(json.dumps({**said, without: False}))
        if without != "do_normalize":
            pixels = ((pixels - MEAN) / SPREAD).astype(np.float32)
    network: Any = CLIPModel.from_pretrained(copy)
    with torch.inference_mode():
        seen = network.get_image_features(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    made = Clip(str(copy)).video(pictures(1))
    np.testing.assert_allclose(
        meanings_of(made)[0], unit(seen.pooler_output), atol=1e-5
    )


def test_how_many_frames_come_at_once_does_not_matter(clip: Clip) -> None:
    many = pictures(35)
    many.images.flags.writeable = False
    together = clip.video(many)
    for i in (0, 31, 32, 34):
        alone = clip.video(Frames(many.images[i : i + 1], many.times_s[i : i + 1]))
        np.testing.assert_allclose(together.regions[i], alone.regions[0], atol=1e-5)
        np.testing.assert_allclose(
            meanings_of(together)[0][i], meanings_of(alone)[0][0], atol=1e-5
        )


@pytest.mark.parametrize(
    ("side", "patch", "across"),
    [(32, 8, 4), (28, 4, 7), (64, 4, 7), (48, 16, 3), (16, 16, 1)],
)
def test_regions_tile_the_picture(
    tmp_path: Path, side: int, patch: int, across: int
) -> None:
    made = Clip(str(save(tmp_path, side=side, patch=patch))).video(pictures(2, side))
    assert made.regions.shape == (2, across**2, 24)
    assert meanings_of(made)[1].shape == (2, across**2, 12)
    np.testing.assert_array_equal(made.boxes[0], made.boxes[1])
    covered = np.zeros((side, side), int)
    for x0, y0, x1, y1 in np.rint(made.boxes[0] * side).astype(int):
        covered[y0:y1, x0:x1] += 1
    assert (covered == 1).all()


def test_what_fills_no_patch_is_in_no_region(tmp_path: Path) -> None:
    boxes = Clip(str(save(tmp_path, side=30, patch=8))).video(pictures(1, 30)).boxes
    assert boxes.shape == (1, 9, 4)
    assert boxes.max() == pytest.approx(24 / 30)


def test_a_region_is_the_mean_of_the_patches_in_its_box(tmp_path: Path) -> None:
    side, patch = 64, 4
    folder = save(tmp_path, side=side, patch=patch)
    frames = pictures(1, side)
    network: Any = CLIPModel.from_pretrained(folder)
    with torch.inference_mode():
        seen = network.vision_model(prepared(folder, frames.images))
        patches = network.vision_model.post_layernorm(seen.last_hidden_state[0, 1:])
        expected = []
        made = Clip(str(folder)).video(frames)
        for x0, y0, x1, y1 in made.boxes[0] * side:
            inside = [
                i
                for i in range(len(patches))
                if x0 < (i % 16 + 0.5) * patch < x1
                and y0 < (i // 16 + 0.5) * patch < y1
            ]
            expected.append(patches[inside].mean(dim=0))
        looks = torch.stack(expected)
        meanings = unit(network.visual_projection(looks))
    np.testing.assert_allclose(made.regions[0], looks.numpy(), atol=1e-5)
    np.testing.assert_allclose(meanings_of(made)[1][0], meanings, atol=1e-5)


def test_a_box_is_where_its_region_looks(tmp_path: Path) -> None:
    side = 64
    # Without layers there is no attention, so that nothing leaves its place.
    clip = Clip(str(save(tmp_path, side=side, patch=4, layers=0)))
    plain = np.full((50, side, side, 3), 128, np.uint8)
    centres = [
        (box[:2] + box[2:]) / 2 * side for box in clip.video(pictures(1, side)).boxes[0]
    ]
    for image, (x, y) in zip(plain[1:], centres, strict=True):
        image[int(y), int(x)] = 255
    regions = clip.video(Frames(plain, np.arange(50.0))).regions
    assert [unlike(regions[0], each) for each in regions[1:]] == [
        [i] for i in range(49)
    ]


def test_a_query_is_what_transformers_makes_of_it(
    folder: Path, clip: Clip, model: Any
) -> None:
    tokenizer: Any = CLIPTokenizer.from_pretrained(folder)
    asked = clip.text("The big dog runs.")
    assert asked.phrases == ("The big dog runs.", "big dog")
    for i, text in enumerate(["The big dog runs.", "a photo of a big dog"]):
        pieces = tokenizer(
            text, truncation=True, max_length=LONGEST, return_tensors="pt"
        )
        with torch.inference_mode():
            expected = unit(model.get_text_features(**pieces).pooler_output)
        np.testing.assert_allclose(asked.meanings[i : i + 1], expected, atol=1e-5)
    assert asked.appearances is None
    assert asked.attainable.shape == (2,)


def test_a_word_is_the_mean_of_its_letters(
    folder: Path, clip: Clip, model: Any
) -> None:
    tokenizer: Any = CLIPTokenizer.from_pretrained(folder)
    query = "Café dog, isn't"
    asked = clip.text(query)
    assert asked.words == ("Café", "dog", "is", "n't")
    # One piece for each byte, after the start: the é has two, the spaces have none.
    pieces = [(1, 6), (6, 9), (10, 12), (12, 15)]
    with torch.inference_mode():
        read = model.text_model(**tokenizer(query, return_tensors="pt"))
        states = model.text_projection(read.last_hidden_state[0]).numpy()
    assert len(states) == 16
    expected = np.stack([states[a:b].mean(axis=0) for a, b in pieces])
    np.testing.assert_allclose(asked.word_vectors, expected, atol=1e-5)
    assert asked.noun_mask.tolist() == [True, True, False, False]


def test_a_word_knows_only_what_was_said_before_it(clip: Clip) -> None:
    ran, slept = clip.text("a dog runs"), clip.text("a dog sleeps")
    assert unlike(ran.word_vectors, slept.word_vectors) == [2]


def test_what_is_too_long_for_the_network_is_not_read(clip: Clip) -> None:
    here = clip.text("the dog runs " + "on and " * 50)
    there = clip.text("the dog runs " + "on and " * 10)
    np.testing.assert_allclose(here.meanings[0], there.meanings[0], atol=1e-6)
    assert not here.word_vectors[20:].any()
    assert here.word_vectors[:3].any(axis=1).all()


@pytest.mark.parametrize("query", ["  ", "?!", "мужчина открывает дверь"])
def test_what_is_no_english_is_refused(clip: Clip, query: str) -> None:
    with pytest.raises(InputError, match="query"):
        clip.text(query)


def test_the_name_says_nothing_of_where_the_folder_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Clip(str(folder)).id == "clip:small"
    monkeypatch.chdir(folder)
    assert extractor("clip:.").id == "clip:small"
    monkeypatch.setenv("HOME", str(folder.parent))
    assert Clip("~/small").id == "clip:small"


def test_weights_in_the_cache_of_the_hub_go_by_their_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    cached = tmp_path / "models--someone--small"
    shutil.copytree(folder, cached / "snapshots" / "0123")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0123")
    found, given = Clip("someone/small"), Clip(str(folder))
    assert (found.id, found.version) == ("clip:someone/small", given.version)
    np.testing.assert_array_equal(
        found.text("a dog").meanings, given.text("a dog").meanings
    )


def test_the_version_stays_while_the_files_do(folder: Path, copy: Path) -> None:
    (copy / "README.md").write_text("Small.")
    assert Clip(str(copy)).version == Clip(str(folder)).version


def one_weight(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["visual_projection.weight"][3, 4] += 1e-6
    save_file(weights, path, {"format": "pt"})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(one_weight, id="a weight"),
        pytest.param(
            edit("config.json", "vision_config", "hidden_act", to="gelu"),
            id="the network",
        ),
        pytest.param(
            edit("preprocessor_config.json", "image_mean", to=[0, 0, 0]),
            id="the preparation",
        ),
        pytest.param(edit("tokenizer.json", "normalizer", to=None), id="the tokenizer"),
    ],
)
def test_the_version_changes_with(folder: Path, copy: Path, change: Change) -> None:
    change(copy)
    assert Clip(str(copy)).version != Clip(str(folder)).version


@pytest.fixture
def _talkative() -> Iterator[None]:
    verbosity = logging.get_verbosity()
    logging.set_verbosity_info()  # type: ignore[no-untyped-call]
    logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    yield
    logging.set_verbosity(verbosity)


@pytest.mark.usefixtures("_talkative")
def test_nothing_is_printed_and_settings_stay(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = logging.get_verbosity()
    clip = Clip(str(folder))
    clip.text(QUERY)
    clip.video(pictures(1))
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == before
    assert logging.is_progress_bar_enabled()


def test_torch_is_loaded_only_when_needed() -> None:
    code = "import sys, slta.features.extractors.clip; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def pickled(folder: Path) -> None:
    network: Any = CLIPModel.from_pretrained(folder)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("config.json"), "no config.json .* saved with save_pretrained"),
        (edit("config.json", "model_type", to="siglip"), "'siglip', not 'clip'; give"),
        (
            edit("config.json", "text_config", "hidden_size", to="x"),
            "expected int, got str.*; save or download it again",
        ),
        (remove("model.safetensors"), "no model.safetensors; save or download"),
        (remove("tokenizer.json"), "no tokenizer.json; save the model's tokenizer"),
        (cut_short, "cannot be read .*; save or download it again"),
        (
            edit("config.json", "vision_config", "num_hidden_layers", to=3),
            r"no weights for vision_model\.encoder\.layers\.2\.",
        ),
        (
            edit("config.json", "vision_config", "intermediate_size", to=48),
            "cannot be read .*; save or download it again",
        ),
        (edit("tokenizer.json", "model", to=None), "cannot be read"),
        (
            edit("config.json", "text_config", "eos_token_id", to=7),
            "the tokenizer is not that of the weights",
        ),
        (
            edit("config.json", "text_config", "vocab_size", to=400),
            "the tokenizer is not that of the weights",
        ),
        (
            edit("preprocessor_config.json", "image_mean", to="x"),
            "cannot be read .*; save or download it again",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_apart(
    copy: Path, change: Change, message: str
) -> None:
    change(copy)
    with pytest.raises(InputError, match=message) as raised:
        clip = Clip(str(copy))
        clip.text(QUERY)
        clip.video(pictures(1))
    assert str(copy) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clip:", "clip needs weights: clip:FOLDER .* or clip:NAME"),
        ("clip", "clip needs weights"),
        (
            "clip:./nothing/here",
            "no folder ./nothing/here; give one .* save_pretrained",
        ),
        ("clip:someone/small", "someone/small are .* 'hf download someone/small', or"),
        ("clip:nope", "nope are .* 'hf download openai/clip-vit-base-patch32', or"),
    ],
)
def test_weights_that_are_not_there_are_told_how_to_get(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=message) as raised:
        extractor(name)
    assert "\n" not in str(raised.value)


def test_pickled_weights_are_refused_with_a_remedy_that_works(
    folder: Path, copy: Path
) -> None:
    pickled(copy)
    with pytest.raises(InputError, match="can run code; convert them with: ") as raised:
        Clip(str(copy))
    command = str(raised.value).partition("python -c ")[2]
    exec(command.strip('"'))
    np.testing.assert_array_equal(
        Clip(str(copy)).text(QUERY).meanings, Clip(str(folder)).text(QUERY).meanings
    )


@pytest.mark.slice
def test_a_film_is_searched_and_decoded_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "film.mp4"
    shots = np.repeat(pictures(4, 64).images, 12, axis=0)
    writing.write(path, shots, rate_hz=4)
    seen: list[float] = []
    searcher = Searcher(f"clip:{folder}", store=tmp_path / "store")
    first = searcher.search(path, QUERY, progress=lambda done, _: seen.append(done))
    assert seen[-1] == 12
    assert first.moments
    assert all(0 <= each.span.start < each.span.end <= 12 for each in first.moments)
    assert first.boxes.shape == (24, 16, 4)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the film was decoded again")

    monkeypatch.setattr("slta.video.reading.sample", refuse)
    again = Searcher(f"clip:{folder}", store=tmp_path / "store").search(path, QUERY)
    assert again.to_json() == first.to_json()
