"""The model of docs/add-a-model.md, as a file and as an installed package."""

import re
import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest

from slta import extensions, models

PAGE = Path(__file__).resolve().parents[2] / "docs" / "add-a-model.md"


def code() -> str:
    """What the page says to write into my_model.py."""
    (found,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


def installed(folder: Path, name: str, entry_points: str, **modules: str) -> Path:
    """A folder that holds a distribution as pip leaves it, once it is on the path."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(entry_points)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    return folder


def alone(patch: pytest.MonkeyPatch, folder: Path | None = None) -> None:
    """Models named and modules imported from here on are forgotten at the end; what lies
    in the folder is installed until then."""
    patch.setattr(models, "_GIVEN", {})
    patch.setattr(sys, "path", [*sys.path])
    for name in ("my_model", "shipped"):
        patch.delitem(sys.modules, name, raising=False)
    extensions._loaded.cache_clear()
    extensions._report_once.cache_clear()
    if folder is not None:
        sys.path.insert(0, str(folder))
    invalidate_caches()
