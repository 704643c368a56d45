"""Provenance of results: the program's commit, its libraries and the machine."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

LIBRARIES = ("slta", "torch", "lightning", "numpy", "av", "onnxruntime")


def commit() -> str | None:
    """The program's commit, if it runs from its own checkout."""
    here = Path(__file__)
    try:
        # An installed copy may be inside another project's checkout.
        _git("ls-files", "--error-unmatch", here.name, cwd=here.parent)
        return _git("describe", "--always", "--dirty", cwd=here.parent)
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    named = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **named}


def machine() -> str:
    cores = f"{len(os.sched_getaffinity(0))} cores"
    python = f"Python {platform.python_version()}"
    return ", ".join([_processor(), cores, platform.system(), python])


def _git(*words: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _processor() -> str:
    """Name of the GPU, if there is one, or of the CPU."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
