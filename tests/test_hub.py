"""Weights by name, from a server that speaks the protocol of the Hugging Face hub."""

import resource
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CLIPModel

from slta.cli import main
from slta.errors import InputError
from slta.experiments.config import Experiment, FeaturesConfig
from slta.experiments.opening import resolve_extractor
from slta.features import extractor
from slta.features.library import Library
from slta.features.store import Store
from slta.hub import HubName
from slta.video import writing
from tests.support.dual_encoders import save_clip, save_siglip
from tests.support.hub import Hub, serving_hub

NAME = "someone/small"
REAL = "openai/clip-vit-base-patch32"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("weights") / "small")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def hub(cache: Path) -> Iterator[Hub]:
    with serving_hub(cache) as hub:
        yield hub


@pytest.fixture
def other(folder: Path, tmp_path: Path) -> Path:
    """The same with other weights."""
    copy = Path(shutil.copytree(folder, tmp_path / "other"))
    network: Any = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        network.visual_projection.weight.mul_(-1)
    network.save_pretrained(copy)
    return copy


def forbid_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def opened(name: str) -> Any:
    """An extractor, of which the weights were read and checked."""
    found: Any = extractor(name)
    assert found.version
    return found


def refusal(name: str) -> str:
    with pytest.raises(InputError) as raised:
        opened(name)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b", HubName("a/b")),
        ("a-1/b.c_2@main", HubName("a-1/b.c_2", "main")),
        ("a/b@refs/pr/1", HubName("a/b", "refs/pr/1")),
        *[(text, None) for text in ("a", "a/b/c", "./a/b", "../a", "/a/b", "~/a", "")],
        *[(text, None) for text in ("a/b@", "a/b@../c", "a/b@/c", "a/b@c d", "a/ b")],
        *[(text, None) for text in ("a--b/c", "a/b..c", "a/b.git", "a/b\n", "a/-b")],
    ],
)
def test_names_are_checked_before_anything_is_asked(
    text: str, expected: HubName | None
) -> None:
    assert HubName.parse(text) == expected


def test_weights_are_downloaded_once_and_pinned(hub: Hub, folder: Path) -> None:
    commit = hub.add(NAME, folder)
    found, given = opened(f"clip:{NAME}"), opened(f"clip:{folder}")
    assert found.id == f"clip:{NAME}"
    assert found.pinned_name == f"clip:{NAME}@{commit}"
    assert found.version == given.version
    asked = "a dog on a beach"
    np.testing.assert_array_equal(
        found.text(asked).meanings, given.text(asked).meanings
    )
    hub.requests.clear()
    assert opened(f"clip:{NAME}").version == found.version
    assert opened(found.pinned_name).version == found.version
    assert not hub.requests


def test_only_files_that_cannot_run_code_are_downloaded(
    hub: Hub, folder: Path, cache: Path
) -> None:
    hub.add(
        NAME,
        folder,
        more={
            name: b"{}"
            for name in (
                "pytorch_model.bin",
                "model.py",
                "spiece.model",
                "open_clip.safetensors",
                "onnx/config.json",
                "../../escaped.json",
            )
        },
    )
    opened(f"clip:{NAME}")
    assert sorted(hub.downloads()) == sorted(path.name for path in folder.iterdir())
    assert not [*cache.parent.rglob("escaped.json")]


def test_a_download_goes_on_after_a_cut_connection(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    hub.add(NAME, folder)
    hub.cut["model.safetensors"] = 60_500
    assert opened(f"clip:{NAME}").version == opened(f"clip:{folder}").version
    assert any("safetensors from 60000" in each for each in hub.requests)


def test_finished_files_are_kept_when_a_download_fails(hub: Hub, folder: Path) -> None:
    hub.add(NAME, folder)
    hub.failing.add("model.safetensors")
    assert "it answered 503); run the same command again" in refusal(f"clip:{NAME}")
    hub.failing.clear()
    hub.requests.clear()
    opened(f"clip:{NAME}")
    assert hub.downloads() == ["model.safetensors"]


def test_without_a_network_the_cache_is_used(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(NAME, folder)
    before = opened(f"clip:{NAME}")
    hub.add("someone/else", folder)
    forbid_network(monkeypatch)
    hub.requests.clear()
    assert opened(f"clip:{NAME}").version == before.version
    assert "HF_HUB_OFFLINE forbids to download someone/else" in refusal(
        "clip:someone/else"
    )
    assert not hub.requests


def test_a_hub_that_is_not_reached_is_told(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.is_down = True
    assert "(it answered 503)" in refusal(f"clip:{NAME}")
    nowhere = "http://127.0.0.1:9"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", nowhere)
    message = refusal(f"clip:{NAME}")
    assert f"could not be downloaded from {nowhere} (" in message
    assert message.endswith("or give a folder")


def test_names_that_the_hub_does_not_give_are_told_apart(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(NAME, folder)
    assert "no folder some/one, and the hub has no some/one" in refusal("clip:some/one")
    assert f"{NAME} has no revision v2; name another" in refusal(f"clip:{NAME}@v2")
    monkeypatch.delenv("HF_TOKEN")
    hub.repositories[NAME].gated = True
    assert "accepted its terms" in refusal(f"clip:{NAME}")
    hub.repositories[NAME].private = True
    assert "set HF_TOKEN if it is private" in refusal(f"clip:{NAME}")


def test_a_revision_stays_what_it_was(hub: Hub, folder: Path, other: Path) -> None:
    first = hub.add(NAME, folder)
    before = opened(f"clip:{NAME}")
    second = hub.add(NAME, other)
    assert opened(f"clip:{NAME}").pinned_name == f"clip:{NAME}@{first}"
    new = opened(f"clip:{NAME}@{second}")
    assert new.id == before.id and new.version != before.version
    tagged = hub.add(NAME, folder, "v1")
    assert opened(f"clip:{NAME}@v1").pinned_name == f"clip:{NAME}@{tagged}"


def test_a_revision_that_is_gone_is_used_from_the_cache_alone(
    hub: Hub, folder: Path, other: Path, cache: Path
) -> None:
    first = hub.add(NAME, folder)
    pinned = opened(f"clip:{NAME}").pinned_name
    hub.add(NAME, other)
    del hub.repositories[NAME].commits[first]
    assert opened(pinned).version
    shutil.rmtree(cache)
    assert f"{NAME} has no revision {first}" in refusal(pinned)


def test_a_folder_comes_before_a_name(
    hub: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(NAME, folder)
    shutil.copytree(folder, tmp_path / NAME)
    monkeypatch.chdir(tmp_path)
    assert opened(f"clip:{NAME}").id == "clip:small"
    assert not hub.requests


def test_what_arrives_damaged_is_never_used(
    hub: Hub, folder: Path, cache: Path
) -> None:
    hub.add(NAME, folder)
    hub.damaged.add("model.safetensors")
    message = refusal(f"clip:{NAME}")
    assert "model.safetensors is damaged" in message
    hub.damaged.clear()
    Path(message.split("remove ")[1].partition(",")[0]).unlink()
    assert opened(f"clip:{NAME}").version == opened(f"clip:{folder}").version
    (config,) = cache.rglob("config.json")
    config.resolve().write_text(config.read_text() + " ")
    assert "config.json is damaged" in refusal(f"clip:{NAME}")


def test_a_model_of_another_kind_is_refused_before_its_weights_come(
    hub: Hub, folder: Path
) -> None:
    hub.add(NAME, folder)
    assert "holds a model of type 'clip', not 'siglip'" in refusal(f"siglip:{NAME}")
    hub.repositories[NAME].add({"README.md": b"Empty."})
    assert "is not a SigLIP model, as it has no config" in refusal(f"siglip:{NAME}")
    assert "model.safetensors" not in hub.downloads()


def test_pickles_are_not_downloaded(hub: Hub, folder: Path) -> None:
    hub.add(NAME, folder, more={"pytorch_model.bin": b"pickle"})
    for files in hub.repositories[NAME].commits.values():
        del files["model.safetensors"]
    assert "no CLIP model weights in safetensors" in refusal(f"clip:{NAME}")
    assert "pytorch_model.bin" not in hub.downloads()


def test_the_default_clip_is_taken_where_it_has_safetensors(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = hub.add(REAL, folder, more={"pytorch_model.bin": b"pickle"})
    del hub.repositories[REAL].commits[main]["model.safetensors"]
    commit = hub.add(REAL, folder, "refs/pr/15")
    assert opened("clip").pinned_name == f"clip:{REAL}@{commit}"
    forbid_network(monkeypatch)
    assert opened(f"clip:{REAL}").pinned_name == f"clip:{REAL}@{commit}"


def test_siglip_has_a_default_too(hub: Hub, tmp_path: Path) -> None:
    name = "google/siglip-base-patch16-224"
    commit = hub.add(name, save_siglip(tmp_path / "siglip"))
    assert opened("siglip").pinned_name == f"siglip:{name}@{commit}"


def test_an_experiment_and_stored_features_name_the_commit(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    commit = hub.add(NAME, folder)
    features = FeaturesConfig(extractor=f"clip:{NAME}+cells")
    made = resolve_extractor(replace(Experiment(), features=features))
    assert made.features.extractor == f"clip:{NAME}@{commit}+cells"
    film = tmp_path / "film.mp4"
    writing.write(film, np.zeros((8, 48, 64, 3), np.uint8), rate_hz=4)
    library = Library(extractor(f"clip:{NAME}"), Store(tmp_path / "store"), 2.0)
    assert library.record(film).facts["pinned_name"] == f"clip:{NAME}@{commit}"


def test_a_disk_that_fills_during_a_download_is_told(
    hub: Hub, folder: Path, cache: Path
) -> None:
    hub.add(NAME, folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on the size of files acts as a disk that fills.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        message = refusal(f"clip:{NAME}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert message.startswith(f"{cache} cannot be written (File too large); make room")
    assert not [*cache.rglob("*.incomplete")]
    opened(f"clip:{NAME}")
    assert hub.downloads().count("tokenizer.json") == 1


@pytest.mark.slice
def test_the_command_searches_with_weights_by_name(
    hub: Hub, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add(NAME, folder)
    film = tmp_path / "film.mp4"
    shots = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), dtype=np.uint8)
    writing.write(film, np.repeat(shots, 8, axis=0), rate_hz=4)
    command = ["search", str(film), "a dog", "--store", str(tmp_path / "store")]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--extractor", "clip:some/one"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("slta: there is no folder some/one, and")
    with suppress(SystemExit):
        main([*command, "--extractor", f"clip:{NAME}"])
    assert "confidence" in capsys.readouterr().out
