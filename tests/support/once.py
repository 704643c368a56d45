"""Folders that are made once a test run, whichever worker comes first."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` has filled, and that no test may change."""
    home = Path(os.environ["SLTA_HOME"])
    folder = home.parents["PYTEST_XDIST_WORKER" in os.environ] / name
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder
