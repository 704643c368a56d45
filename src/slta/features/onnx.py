"""Networks as ONNX files: converted once, then run without torch."""

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

# What is searched is nobody else's business. Read when the library is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from slta.errors import InputError
from slta.folders import home, whole_folder

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


def folder(name: str) -> Path:
    """Where the converted network ``name`` lies, or will lie."""
    return home() / "networks" / name


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Threads that spin while they wait take the cores from everything else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors share no other base
        raise InputError(
            f"the network {path} cannot be read; "
            f"remove the folder {path.parent} to have it made again"
        ) from error


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

    logger.info("preparing the network %s, once", path.stem)
    axes: dict[str, Any] = {
        name: {axis: f"{name}_{axis}" for axis in free} for name, free in inputs.items()
    }
    axes |= {name: {0: f"{name}_0"} for name in outputs}
    try:
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
    except OSError as error:
        raise InputError(
            f"the networks cannot be kept in {home()} ({error.strerror or error}); "
            "make room there, or set SLTA_HOME to another folder"
        ) from error
