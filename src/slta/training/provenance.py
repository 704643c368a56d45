"""Where a number comes from: the program's commit, its libraries, the machine."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

LIBRARIES = ("slta", "torch", "lightning", "numpy", "av", "onnxruntime")


def commit() -> str | None:
    """Of the program, if it runs from a checkout of its own."""
    here = Path(__file__)
    try:
        # An installed copy may lie in a checkout of something else.
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
    """The GPU where there is one, as it does the work."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
