"""The Dockerfile, step by step without an engine, in a folder instead of an image."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from slta.files import home
from tests.support.indexed_films import known

ROOT = Path(__file__).resolve().parents[1]
# What is not there without an image: its users, and packages from a registry.
SHIMS = {
    "pip": f'exec {sys.executable} -m pip "$@" --no-deps --no-build-isolation '
    '--no-index --quiet --ignore-installed --prefix "$IMAGE/usr"',
    "python": f'exec {sys.executable} "$@"',
    "useradd": "exit 0",
    "chown": "exit 0",
}


def steps() -> Iterator[tuple[str, str]]:
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


@pytest.mark.slice
def test_its_steps_make_a_server_that_answers(tmp_path: Path) -> None:
    films, image = known(), tmp_path / "image"
    shims = tmp_path / "shims"
    image.mkdir()
    shims.mkdir()
    for name, line in SHIMS.items():
        (shims / name).write_text(f"#!/bin/sh\n{line}\n")
        (shims / name).chmod(0o755)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = image / "usr" / "lib" / version / "site-packages"
    environment = {
        **os.environ,
        "IMAGE": str(image),
        "PATH": f"{image / 'usr' / 'bin'}:{shims}:{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

    def here(text: str) -> str:
        """With the image's folders as folders below ``image``."""
        return re.sub(r"(?<![\w./])/(?=slta|data|videos)", f"{image}/", text)

    folder, entry = image, []
    for word, rest in steps():
        if word == "WORKDIR":
            folder = Path(here(rest))
            folder.mkdir()
        elif word == "COPY":
            *names, target = rest.split()
            for name in names:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, folder / target)
                else:
                    shutil.copy(ROOT / name, folder / target)
        elif word == "ENV":
            name, _, value = rest.partition("=")
            environment[name] = here(value)
            # What takes minutes is known already: the networks and the film.
            shutil.copytree(home() / "networks", Path(here(value)) / "networks")
            films.copy(Path(here(value)) / "store")
        elif word == "RUN":
            subprocess.run(
                ["sh", "-ec", here(rest)], cwd=folder, env=environment, check=True
            )
        elif word == "ENTRYPOINT":
            entry = [here(part) for part in json.loads(rest)]
        else:
            assert word in ("FROM", "USER", "VOLUME", "EXPOSE"), word
    shutil.copy(films.film, image / "videos" / films.film.name)
    process = subprocess.Popen(
        [*entry, "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        match = re.search(
            r"http://[^/]+:(\d+)/\?token=(\S+)", process.stdout.readline()
        )
        assert match
        answer: dict[str, Any] = {}
        # What is new is indexed while the page is open.
        for _ in range(300):
            answer = httpx.get(
                f"http://127.0.0.1:{match[1]}/api/search?q=a+cat",
                headers={"authorization": f"Bearer {match[2]}"},
                timeout=60,
            ).json()
            if "moments" in answer:
                break
            time.sleep(0.2)
        assert answer["moments"][0]["file"] == films.film.name
    finally:
        process.terminate()
        process.communicate()


def test_what_it_copies_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for word, rest in steps():
        if word == "COPY":
            for name in shlex.split(rest)[:-1]:
                assert f"!{name}" in ignored
