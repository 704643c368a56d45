"""From an installed wheel, outside the repository, with the model of another package."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.indexed_films import known
from tests.support.packages import code
from tests.support.worlds import ANY_FLAGS, tiny

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE", "src")
SHOP = """
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "shop"
    version = "2.0"
    [project.entry-points."slta.models"]
    product = "shop:Product"
    [tool.setuptools]
    py-modules = ["shop"]
"""
PROGRAM = """
    import sys
    from pathlib import Path

    import slta
    from slta import cli

    film, store, run, *flags = sys.argv[1:]
    assert Path(slta.__file__).is_relative_to({site!r}), slta.__file__
    for words in (
        ["list", "models"],
        ["search", film, "a cup of coffee", "--store", store],
        ["train", "product", "--on", "shapes", "--out", run, *flags],
        ["search", film, "a red circle moves left", "--checkpoint", run],
    ):
        try:
            cli.main(words)
        except SystemExit as stop:
            assert stop.code in (0, 1, None), (words, stop.code)
"""


def pip(*words: object) -> None:
    fixed = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", *map(str, words), *fixed],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )


def data_files(package: Path) -> set[str]:
    return {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slice
def test_an_installed_wheel_searches_and_trains(tmp_path: Path) -> None:
    source, shop, site = tmp_path / "source", tmp_path / "shop", tmp_path / "site"
    source.mkdir()
    for name in BUILT_FROM:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    shop.mkdir()
    (shop / "pyproject.toml").write_text(textwrap.dedent(SHOP))
    (shop / "shop.py").write_text(code())
    pip("wheel", source, shop, "--wheel-dir", tmp_path)
    (wheel,) = tmp_path.glob("slta-*.whl")
    with ZipFile(wheel) as archive:
        names = {*archive.namelist()}
    assert data_files(ROOT / "src" / "slta") <= names
    pip("install", wheel, *tmp_path.glob("shop-*.whl"), "--target", site)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site), "SLTA_HOME": str(tiny().home)}
    program = textwrap.dedent(PROGRAM).replace("{site!r}", repr(str(site)))
    steps = ["--training.steps", "3", "--training.evaluate-every", "3"]
    places = known().film, known().store, elsewhere / "run"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, places), *ANY_FLAGS, *steps],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "\nproduct " in done.stdout and done.stdout.count("clear match") == 2
    assert '"model_from": "shop 2.0"' in (elsewhere / "run/config.json").read_text()
    said = subprocess.run(
        [site / "bin" / "slta", "--version"],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert said.stdout.startswith("slta ") and said.stderr == ""
