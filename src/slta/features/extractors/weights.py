"""Weights from others' files: tensors by name, without running code."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from slta.errors import InputError

NESTED = ("state_dict", "model_state_dict", "model")
"""Keys of the weights in a checkpoint."""
SHOWN = 4
"""Maximum names of each kind in an error."""


def tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file, or in one written by ``torch.save``."""
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise _damaged(path, error) from error
    content = _loaded(path)
    for name in NESTED:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict):
        raise InputError(
            f"{path} holds a {type(content).__name__}, not weights by name; save a "
            "state_dict there"
        )
    return {str(k): v for k, v in content.items() if isinstance(v, Tensor)}


def check(
    path: Path,
    found: Mapping[str, Tensor],
    expected: Mapping[str, tuple[int, ...]],
    unused: Collection[str] = (),
) -> None:
    """Raises ``InputError`` with all names that are missing, unexpected or of the wrong
    shape. Names that begin with one of ``unused`` are optional.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
    problems = {
        "lacks": [name for name in expected if name not in shapes],
        "has unexpected": [
            name
            for name in shapes
            if name not in expected and not name.startswith(tuple(unused))
        ],
        "has the wrong shape of": [
            f"{name} ({_shape(shapes[name])}, not {_shape(shape)})"
            for name, shape in expected.items()
            if name in shapes and shapes[name] != shape
        ],
    }
    texts = [f"{what} {_some(names)}" for what, names in problems.items() if names]
    if texts:
        raise InputError(
            f"{path} does not hold the weights of this network: it "
            f"{', '.join(texts)}; download it again, or give another file"
        )


def _loaded(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's errors share no other base
        if code := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise InputError(
                f"{path} asks for {code[1]}, which could run code, so it is not read; "
                "save its state_dict alone, or as .safetensors"
            ) from error
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    why = "it is not a file of weights, or damaged"
    if isinstance(error, OSError) and error.strerror:
        why = error.strerror
    return InputError(
        f"{path} cannot be read as weights ({why}); give a .safetensors file or one "
        "written by torch.save, or download it again"
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _some(names: list[str]) -> str:
    more = len(names) - SHOWN
    return " ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
