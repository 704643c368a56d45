"""Runs by their names on the Hugging Face hub, as folders of this machine."""

import logging
import re
import shutil
from pathlib import Path

from slta import hub
from slta.errors import InputError, UnwritableError
from slta.files import home, read_object, whole_folder

logger = logging.getLogger(__name__)

WEIGHTS = "weights.safetensors"
SHARED = ("README.md", "config.json", "confidence.json", WEIGHTS)
"""Files of a shared run; not all runs have a calibrated confidence."""


def named(run: str | Path) -> hub.HubName | None:
    """The name on the hub that is meant; None for a folder, also a missing one beside
    others."""
    if Path(run).exists():
        return None
    name = hub.HubName.parse(str(run))
    return None if name and Path(name.repo).parent.is_dir() else name


def pull(name: hub.HubName, *, newest: bool = False, to: Path | None = None) -> Path:
    """The folder of a run on the hub: ``to``, or one in ``$SLTA_HOME/runs``. Only with
    ``newest`` is the hub asked if the run is on this machine.

    Raises ``InputError`` for a run that is not there or is damaged, and if ``to`` exists.
    """
    if to is not None and to.exists():
        raise InputError(f"--to {to} exists; give a folder that does not")

    def check(folder: Path) -> None:
        if not _is_run(folder):
            raise InputError(
                f"{name} is not a run of slta, as its config.json has no experiment; give "
                "the name of one that 'slta push' made"
            )

    small = re.compile("|".join(map(re.escape, SHARED[:-1])))
    weights = re.compile(re.escape(WEIGHTS))
    content = hub.HubContent("run", small, weights, _is_complete, check)
    found = hub.snapshot(name, content, newest=newest)
    check(found.folder)
    called = f"{found.repo.replace('/', '--')}-{found.commit[:12]}"
    target = to or home() / "runs" / called
    if not target.exists():
        _copy(found.folder, target)
    logger.info("the run %s of the hub is in %s", found.name, target)
    return target


def _copy(folder: Path, target: Path) -> None:
    try:
        with whole_folder(target) as unfinished:
            for name in SHARED:
                if (file := folder / name).exists():
                    hub.digest_of(file)
                    shutil.copyfile(file, unfinished / name)
    except OSError as error:
        raise UnwritableError(
            f"{target} cannot be written ({error.strerror or error}); make room, or give "
            "another folder"
        ) from error


def _is_complete(folder: Path) -> bool:
    return all((folder / name).exists() for name in ("config.json", WEIGHTS))


def _is_run(folder: Path) -> bool:
    try:
        return isinstance(read_object(folder / "config.json").get("experiment"), dict)
    except (OSError, ValueError):
        return False
