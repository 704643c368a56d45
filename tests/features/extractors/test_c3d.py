"""C3D against a spelling without torch, with random weights saved by the test."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import UInt8
from safetensors.torch import save_file
from torch import Tensor

from slta import video
from slta.errors import InputError
from slta.features import extractor
from slta.features.base import Extractor, VideoFeatures
from slta.features.extractors import c3d
from slta.features.extractors.c3d import C3D, LAYOUTS, C3DNetwork, WeightsLayout
from slta.video import writing
from slta.video.reading import Clips
from tests.reference import c3d as slow
from tests.support.c3d_weights import SMALL, random_weights, renamed, save_weights

PUBLISHED = c3d.CHANNELS


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c3d, "CHANNELS", SMALL)


def clips(n: int, seed: int = 0) -> Clips:
    shape = (n, 16, 128, 171, 3)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Clips(images, np.arange(n) / 2)


def numbers(weights: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: values.double().numpy() for name, values in weights.items()}


def together(pieces: list[VideoFeatures]) -> np.ndarray:
    return np.concatenate([piece.frames for piece in pieces])


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: str(layout.project))
def test_a_clip_is_what_the_slow_spelling_makes_of_it(
    layout: WeightsLayout, tmp_path: Path
) -> None:
    given = clips(2)
    made = C3D(str(save_weights(tmp_path / "w.pth", layout))).video(given)
    for found, images in zip(made.frames, given.images, strict=True):
        expected = slow.fc6(
            numbers(random_weights()),
            images,
            mean=layout.mean,
            blue_first=layout.blue_first,
        )
        assert (expected > 0).any()
        np.testing.assert_allclose(
            found, expected, rtol=1e-4, atol=1e-4 * expected.max()
        )


def test_what_the_projects_take_from_their_pictures() -> None:
    """As their own code does: predict.py, dataset.py, the configuration for UCF-101."""
    known = {layout.project: (layout.mean, layout.blue_first) for layout in LAYOUTS}
    assert known == {
        "DavideA/c3d-pytorch": ((0, 0, 0), False),
        "jfzhang95/pytorch-video-recognition": ((90, 98, 102), True),
        "open-mmlab/mmaction2": ((104, 117, 128), False),
        "facebookarchive/C3D": ((90, 98, 102), True),
    }


def test_the_layers_have_the_sizes_of_the_paper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(c3d, "CHANNELS", PUBLISHED)
    network = C3DNetwork()
    counted = {
        name: sum(p.numel() for p in layer.parameters())
        for name, layer in network.layers.items()
    }
    assert counted == {
        "conv1a": 5_248,
        "conv2a": 221_312,
        "conv3a": 884_992,
        "conv3b": 1_769_728,
        "conv4a": 3_539_456,
        "conv4b": 7_078_400,
        "conv5a": 7_078_400,
        "conv5b": 7_078_400,
        "fc6": 33_558_528,
    }
    # With fc7, 4096 x 4096, these are the 78.0 million of the published network.
    assert sum(counted.values()) + 4096 * 4097 == 77_995_776


@pytest.mark.slice
def test_at_its_published_size_it_makes_4096_numbers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(c3d, "CHANNELS", PUBLISHED)
    weights, layout = random_weights(), LAYOUTS[1]
    path = tmp_path / "w.safetensors"
    save_file(renamed(weights, layout), path)
    given = clips(1)
    made = C3D(str(path)).video(given)
    assert made.frames.shape == (1, 4096) and made.regions.shape == (1, 1, 4096)
    expected = slow.fc6(
        {name: values.numpy() for name, values in weights.items()},
        given.images[0],
        mean=layout.mean,
        blue_first=layout.blue_first,
    )
    np.testing.assert_allclose(
        made.frames[0], expected, rtol=1e-3, atol=1e-3 * expected.max()
    )


def test_the_frame_is_its_only_region(tmp_path: Path) -> None:
    made = C3D(str(save_weights(tmp_path / "w.pth"))).video(clips(3))
    np.testing.assert_array_equal(made.regions[:, 0], made.frames)
    assert made.boxes.tolist() == [[[0, 0, 1, 1]]] * 3
    assert made.times_s.tolist() == [0, 0.5, 1]
    assert made.frame_meanings is None


def nested(path: Path, weights: dict[str, Tensor]) -> None:
    torch.save({"epoch": 3, "state_dict": weights, "opt_dict": {"lr": 0.1}}, path)


def old(path: Path, weights: dict[str, Tensor]) -> None:
    torch.save(weights, path, _use_new_zipfile_serialization=False)


def parameters(path: Path, weights: dict[str, Tensor]) -> None:
    torch.save({k: torch.nn.Parameter(v) for k, v in weights.items()}, path)


@dataclass(frozen=True)
class Way:
    """How weights are saved."""

    save: Callable[[Path, dict[str, Tensor]], Any]
    suffix: str = ".pth"
    prefix: str = ""


WAYS = {
    "plainly": Way(lambda path, weights: torch.save(weights, path)),
    "in a training": Way(nested),
    "before torch 1.6": Way(old, ".pickle"),
    "as parameters": Way(parameters),
    "as safetensors": Way(lambda path, w: save_file(w, path), ".safetensors"),
    "from several GPUs": Way(lambda path, w: torch.save(w, path), prefix="module."),
    "in a recognizer": Way(nested, prefix="backbone."),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("layout", LAYOUTS[1:3], ids=["jfzhang95", "mmaction2"])
def test_however_weights_are_saved_they_are_the_same(
    way: Way, layout: WeightsLayout, tmp_path: Path
) -> None:
    plain, path = (
        save_weights(tmp_path / "plain.pth", layout),
        tmp_path / f"w{way.suffix}",
    )
    weights = renamed(random_weights(), layout, way.prefix)
    # What comes after fc6 may be there, wherever the file keeps it.
    weights[f"{way.prefix}{layout.unused[0]}3.weight"] = torch.zeros(2, 2)
    weights[f"{layout.unused[-1]}6.weight"] = torch.zeros(2, 2)
    way.save(path, weights)
    found, expected = (C3D(str(each)).video(clips(1)) for each in (path, plain))
    np.testing.assert_array_equal(found.frames, expected.frames)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def change(name: str, values: Tensor | None) -> Callable[[Path], object]:
    """Another value for one of the weights, or none."""

    def save(path: Path) -> None:
        weights = {**random_weights()}
        del weights[name]
        found = renamed(weights, LAYOUTS[0])
        torch.save(found | ({} if values is None else {name: values}), path)

    return save


def cut(path: Path) -> None:
    save_weights(path)
    path.write_bytes(path.read_bytes()[:-2000])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(
            change("conv3b.bias", None), "it lacks conv3b.bias; download", id="missing"
        ),
        pytest.param(
            lambda path: save_weights(path, conv6a=torch.zeros(1)),
            "it has unexpected conv6a; download",
            id="unexpected",
        ),
        pytest.param(
            change("fc6.weight", torch.zeros(9, 8192)),
            r"it has the wrong shape of fc6.weight \(9 x 8192, not 9 x 128\); download",
            id="another shape",
        ),
        pytest.param(
            lambda path: torch.save(
                {
                    "conv1.weight": torch.zeros(4, 3, 3, 3, 3),
                    "lstm.bias": torch.ones(1),
                },
                path,
            ),
            "it lacks conv1.bias conv2.weight conv2.bias conv3a.weight and 13 more, "
            "has unexpected lstm.bias; download",
            id="most of it",
        ),
        pytest.param(
            lambda path: torch.save({"layer1.0.weight": torch.zeros(1)}, path),
            r"does not name its layers in a known way: it has layer1.0.weight, and .* "
            r"conv1.weight, features.0.weight, conv1a.conv.weight, conv1a.weight; give",
            id="another network",
        ),
        pytest.param(
            lambda path: torch.save([1, 2], path), "holds a list, not", id="a list"
        ),
        pytest.param(
            lambda path: torch.save({}, path), "it has nothing, and", id="empty"
        ),
        pytest.param(cut, "cannot be read as weights .*or download it again", id="cut"),
        pytest.param(
            lambda path: path.write_bytes(b""), "cannot be read as w", id="no bytes"
        ),
        pytest.param(
            lambda path: path.write_text("<html>404</html>"),
            r"cannot be read as weights \(it is not a file of weights, or damaged\); give a "
            r"\.safetensors file or one written by torch\.save, or download it again",
            id="a page",
        ),
    ],
)
def test_weights_that_cannot_be_used_are_told_apart(
    spoil: Callable[[Path], object], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "w.pth"
    spoil(path)
    with pytest.raises(InputError, match=says) as raised:
        C3D(str(path)).video(clips(1))
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 700


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_that_are_cut_short_are_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    weights = renamed(random_weights(), LAYOUTS[0])
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    whole = path.read_bytes()
    for share in (0.001, 0.1, 0.5, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match="or download it again"):
            C3D(str(path)).video(clips(1))


def test_a_pickle_that_could_run_code_does_not(tmp_path: Path) -> None:
    path, fuse = tmp_path / "w.pth", tmp_path / "it ran"
    torch.save({**renamed(random_weights(), LAYOUTS[0]), "x": Bomb(fuse)}, path)
    with pytest.raises(InputError, match=r"asks for posix\.mkdir, .* save its state"):
        C3D(str(path)).video(clips(1))
    assert not fuse.exists()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "c3d",
            "c3d needs weights: c3d:FILE, such as c3d.pickle of the project Davide",
        ),
        ("c3d", "open-mmlab/mmaction2"),
        ("c3d:", "names nothing after its colon"),
        ("c3d:./no.pth", "no.pth.* such as c3d.pickle of the proj"),
        ("c3d:.", "there is no file of weights ."),
    ],
)
def test_weights_that_are_not_there_are_told_where_to_get(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        extractor(name)
    assert "\n" not in str(raised.value) and "http" not in str(raised.value)


def test_the_name_says_nothing_of_where_the_file_is(tmp_path: Path) -> None:
    found = extractor(f"c3d:{save_weights(tmp_path / 'w.pth')}")
    assert isinstance(found, Extractor)
    assert found.id == "c3d:w.pth" and not found.common_space


def test_a_query_is_read_as_in_the_paper(tmp_path: Path) -> None:
    """Nouns alone say what to look at, and where there are none, what there is."""
    one = C3D(str(save_weights(tmp_path / "w.pth")))
    asked = one.text("A tall man opens the red door.")
    assert np.array(asked.words)[asked.noun_mask].tolist() == ["man", "door"]
    assert asked.word_vectors.shape == (7, 384) and asked.unknown == ()
    bare = one.text("She laughs loudly")
    assert np.array(bare.words)[bare.noun_mask].tolist() == ["laughs", "loudly"]
    with pytest.raises(InputError, match="the query is empty"):
        one.text(" ")


def test_the_version_changes_with_a_weight(tmp_path: Path) -> None:
    one, same, other = (tmp_path / f"{i}.pth" for i in range(3))
    weights = renamed(random_weights(), LAYOUTS[0])
    torch.save(weights, one)
    same.write_bytes(one.read_bytes())
    weights["fc6.bias"][3] += 1e-3
    torch.save(weights, other)
    first, again, changed = (C3D(str(path)).version for path in (one, same, other))
    assert first == again != changed


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds in which every frame differs from the one before."""
    rng = np.random.default_rng(0)
    pictures: list[UInt8[np.ndarray, "h w 3"]] = [
        rng.integers(0, 256, (6, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
        for _ in range(100)
    ]
    path = tmp_path_factory.mktemp("walk") / "walk.mp4"
    writing.write(path, pictures, rate_hz=25)
    return path


@pytest.mark.slice
def test_a_sample_is_the_clip_that_begins_at_its_time(
    walk: Path, tmp_path: Path
) -> None:
    one = C3D(str(save_weights(tmp_path / "w.pth")))
    found = together(list(one.watch(walk, rate_hz=3.0)))
    assert len(found) == 12
    for i in (0, 5, 11):
        # The last frame stays where the video has no more.
        at = np.minimum(i / 3 + np.arange(16) / 25, 3.97)
        images = video.frames(walk, at=at, size=c3d.SIZE).images[None]
        alone = one.video(Clips(images, np.zeros(1))).frames
        np.testing.assert_allclose(found[i], alone[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(together(list(one.watch(walk, rate_hz=3.0))), found)


def test_clips_of_16_frames_one_after_another(walk: Path) -> None:
    """At 25/16 Hz every frame of a video of 25 frames a second is in one clip."""
    made = list(video.clips(walk, rate_hz=25 / 16, length=16, frames_hz=25))
    seen = np.concatenate([piece.images for piece in made])
    frames = video.frames(walk, at=np.arange(100) / 25).images
    np.testing.assert_array_equal(seen[:6].reshape(96, *frames.shape[1:]), frames[:96])
    assert len(seen) == 7


def test_torch_is_loaded_only_when_needed() -> None:
    code = "import sys, slta.features; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
