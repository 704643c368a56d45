"""Ways to spoil a copy of a folder in which transformers saved a network."""

import json
from collections.abc import Callable
from pathlib import Path

Change = Callable[[Path], object]


def edit(name: str, *keys: str, to: object) -> Change:
    """Sets one value in a JSON file."""

    def change(folder: Path) -> None:
        content = inner = json.loads((folder / name).read_text())
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = to
        (folder / name).write_text(json.dumps(content))

    return change


def remove(*names: str) -> Change:
    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:3000])
