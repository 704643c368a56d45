"""Networks as ONNX files: written once from their weights, then run."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Float

# Searches are private; onnxruntime reads this when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from slta.errors import InputError
from slta.features.ahead import cores
from slta.features.base import Steps
from slta.files import home, whole_folder

logger = logging.getLogger(__name__)


def folder(name: str) -> Path:
    """Folder of the network ``name``."""
    return home() / "networks" / name


def session(path: Path, *, threads: int = 0) -> onnxruntime.InferenceSession:
    """The network in a file, to run on some ``threads``; 0 for one of each core that this
    process may use."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.log_severity_level = 4
    # Threads that spin while they wait take the cores from everything else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Exact sums, too, on old processors, where those of 8-bit products would saturate.
    options.add_session_config_entry("session.x64quantprecision", "1")
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
    """An array saved beside a network."""
    values: Float[np.ndarray, ...] = np.load(folder / f"{name}.npy", allow_pickle=False)
    return values


def save(folder: Path, **arrays: Float[np.ndarray, "..."]) -> None:
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)


@contextmanager
def kept(folder: Path) -> Iterator[Path]:
    """A temporary folder for a network, renamed to ``folder`` if the block succeeds."""
    try:
        with whole_folder(folder) as unfinished:
            yield unfinished
    except OSError as error:
        raise InputError(
            f"the networks cannot be written to {home()} ({error.strerror or error}); "
            "make room there, or set SLTA_HOME to another folder"
        ) from error


def logged() -> Steps:
    """Logs each step once."""
    seen = set()

    def step(what: str, _: float) -> None:
        if what not in seen:
            seen.add(what)
            logger.info("preparing the networks, once: %s", what)

    return step
