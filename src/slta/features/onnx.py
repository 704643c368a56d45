"""Networks as ONNX files: converted once, then run without torch."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
from jaxtyping import Float

from slta.folders import home, whole_folder

if TYPE_CHECKING:
    import torch


def folder(name: str) -> Path:
    """Where the converted network ``name`` lies, or will lie."""
    return home() / "networks" / name


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )


def array(folder: Path, name: str) -> Float[np.ndarray, "..."]:
    """One of the arrays that ``export`` saved beside a network."""
    values: Float[np.ndarray, ...] = np.load(folder / f"{name}.npy", allow_pickle=False)
    return values


def export(
    network: "torch.nn.Module",
    example: "tuple[torch.Tensor, ...]",
    path: Path,
    *,
    inputs: dict[str, Sequence[int]],
    outputs: Sequence[str],
    beside: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> None:
    """Writes ``network`` to ``path``, in a folder of its own.

    ``inputs`` names each input and its axes of free length, ``beside`` the arrays to
    save in the same folder.
    """
    import torch

    axes: dict[str, Any] = {
        name: {axis: f"{name}_{axis}" for axis in free} for name, free in inputs.items()
    }
    axes |= {name: {0: f"{name}_0"} for name in outputs}
    with whole_folder(path.parent) as unfinished, warnings.catch_warnings():
        # The exporter warns of itself and of every constant that it folds.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            example,
            str(unfinished / path.name),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        for name, values in beside.items():
            np.save(unfinished / f"{name}.npy", values, allow_pickle=False)
