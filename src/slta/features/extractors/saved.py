"""Models saved by transformers' ``save_pretrained``, in a folder or on the hub.

Only formats that cannot run code are read.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from slta import hub
from slta.errors import InputError
from slta.files import read_object

SMALL = re.compile(r"[^/]+\.(json|txt)")
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
INDEX = "model.safetensors.index.json"
"""Lists the files of weights where there are several."""


@dataclass(frozen=True)
class Saved:
    """A folder with a saved model."""

    folder: Path
    id: str
    """The extractor's id, without the path of the folder."""
    name: str
    """The extractor's name, with the commit if the model is from the hub."""
    noun: str
    """Kind of model, for errors."""
    config: dict[str, Any]
    """Content of config.json."""

    @classmethod
    def find(
        cls,
        word: str,
        weights: str,
        noun: str,
        kinds: Collection[str],
        network: str,
        published: str,
    ) -> "Saved":
        """The model in the folder ``weights``, or of that name on the hub.

        ``word`` is the extractor's name, ``network`` transformers' class for the weights,
        ``published`` the name of a model, for errors.
        """
        folder = Path(weights).expanduser()
        if folder.is_dir():
            called = f"{word}:{folder.resolve().name}", f"{word}:{weights}"
            config = _config(folder, noun, kinds)
            _check_weights(folder, network)
            return cls(folder, *called, noun, config)
        if (name := hub.HubName.parse(weights)) is None:
            raise InputError(
                f"there is no folder {weights or word}; give one with a {noun} model saved "
                f"with save_pretrained, or a name on the Hugging Face hub, as {word}:"
                f"{published}"
            )
        content = hub.HubContent(
            f"{noun} model",
            SMALL,
            WEIGHTS,
            _is_complete,
            lambda folder: _config(folder, noun, kinds),
        )
        found = hub.snapshot(name, content)
        called = f"{word}:{found.repo}", f"{word}:{found.name}"
        return cls(found.folder, *called, noun, _config(found.folder, noun, kinds))

    @property
    def kind(self) -> str:
        return str(self.config["model_type"])

    @cached_property
    def digest(self) -> str:
        """Digest of the folder's configuration, weights and vocabulary."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.iterdir()):
            if path.suffix in {".json", ".safetensors", ".txt"}:
                digest.update(f"{path.name} {hub.digest_of(path)}\n".encode())
        return digest.hexdigest()[:12]

    def has(self, *names: str) -> bool:
        return _has(self.folder, *names)

    def network(self, made_by: Any) -> Any:
        """The network in evaluation mode, on the GPU if there is one."""
        import torch

        with self.loading():
            network, report = made_by.from_pretrained(
                self.folder,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
            # transformers would initialise them at random.
            if missing := sorted(report["missing_keys"]):
                raise ValueError(f"no weights for {missing[0]}")
        return network.eval().to("cuda" if torch.cuda.is_available() else "cpu")

    def processor(self, made_by: Any) -> Any:
        """The image preprocessing of the folder, or else the default.

        Call and use it inside ``loading``.
        """
        names = ("preprocessor_config.json", "processor_config.json")
        if any(map(self.has, names)):
            return made_by.from_pretrained(self.folder, local_files_only=True)
        return made_by()

    @contextmanager
    def loading(self) -> Iterator[None]:
        """transformers without progress bars and logs; errors become ``InputError``."""
        from transformers.utils import logging

        verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            yield
        except Exception as error:
            # Libraries raise different errors for broken files; tokenizers a bare
            # Exception.
            reason = " ".join(str(error).split())
            raise InputError(
                f"{self.folder} cannot be read as a {self.noun} model ({reason}); "
                "save or download it again"
            ) from error
        finally:
            logging.set_verbosity(verbosity)
            if bars:
                logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def pixel_scale(processor: Any) -> tuple[float, list[float], list[float]]:
    """Rescaling factor, mean and standard deviation of pixels."""
    scale = processor.rescale_factor if processor.do_rescale else 1.0
    if not processor.do_normalize:
        return scale, [0.0] * 3, [1.0] * 3
    mean, spread = processor.image_mean, processor.image_std
    return scale, [*map(float, mean)], [*map(float, spread)]


def _is_complete(folder: Path) -> bool:
    """Whether the folder has a configuration, and all of the weights."""
    if not _has(folder, "config.json") or not _has(folder, INDEX):
        return _has(folder, "config.json", "model.safetensors")
    try:
        files = read_object(folder / INDEX)["weight_map"].values()
        return _has(folder, *files)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def _config(folder: Path, noun: str, kinds: Collection[str]) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        kind = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not a saved model, as it has no config.json with a model_type; "
            f"give a folder with a {noun} model saved with save_pretrained"
        ) from error
    if kind not in list(kinds):
        known = " or ".join(map(repr, kinds))
        raise InputError(
            f"{folder} holds a model of type {kind!r}, not {known}; "
            f"give a folder with a {noun} model"
        )
    return config


def _check_weights(folder: Path, network: str) -> None:
    """Raises ``InputError`` unless the folder has weights in a safe format."""
    if _has(folder, "model.safetensors") or _has(folder, INDEX):
        return
    if any(folder.glob("pytorch_model*.bin")):
        convert = (
            f"from transformers import {network}; {network}.from_pretrained("
            f"{str(folder)!r}).save_pretrained({str(folder)!r})"
        )
        raise InputError(
            f"{folder} holds its weights as pickles, which are not read since they "
            f'can run code; convert them with: python -c "{convert}"'
        )
    raise InputError(
        f"{folder} has no model.safetensors; save or download the model again"
    )


def _has(folder: Path, *names: str) -> bool:
    return all((folder / name).exists() for name in names)
