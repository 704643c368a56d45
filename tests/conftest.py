"""What every test shares: where the real data is, and what happens where it is not."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import type_checks

settings.register_profile("slta", deadline=None, derandomize=True)
settings.load_profile("slta")

# Tests run side by side: threads of one would only wait, busily, for those of another. torch
# reads this when it is imported, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# In the background of a shell, Ctrl-C is ignored from the start, also by what is started.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SLTA = ROOT / "src" / "slta"
SHARED = ROOT.parent / "shared"
CHROMIUM = shutil.which("chromium")


def _with_arrays() -> list[str]:
    """The modules of ours that have arrays, whose shapes are to be checked."""
    modules = set()
    for file in SLTA.rglob("*.py"):
        text = file.read_text()
        # Names that are there for mypy alone stop beartype, but not jaxtyping.
        if "jaxtyping" in text or "TYPE_CHECKING" in text:
            path = file.relative_to(SLTA.parent).with_suffix("")
            modules.add(".".join(path.parts).removesuffix(".__init__"))
    return sorted(modules - {"slta"})


type_checks.install("slta", _with_arrays())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    type_checks.begin_test()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    missing = [] if SHARED.is_dir() else ["real"]
    missing += [] if CHROMIUM else ["browser"]
    for marker in missing:
        marked = [item for item in items if item.get_closest_marker(marker)]
        config.hook.pytest_deselected(items=marked)
        items[:] = [item for item in items if item not in marked]


def pytest_report_header() -> list[str]:
    data, browser = f"real data: {SHARED}", f"browser: {CHROMIUM}"
    if not SHARED.is_dir():
        data += " is missing, so the tests marked real are left out"
    if not CHROMIUM:
        browser = (
            "browser: chromium is missing, so the tests marked browser are left out"
        )
    return [data, browser]


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home of the tests' own; converted networks stay from one run to the next."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        networks = Path(__file__).resolve().parents[1] / ".pytest_cache" / "networks"
        networks.mkdir(parents=True, exist_ok=True)
        (home / "networks").symlink_to(networks)
        patch.setenv("SLTA_HOME", str(home))
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """After a training in this process, too, which takes as many as it is told."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    return SHARED


@pytest.fixture(scope="session")
def shared_videos(shared: Path) -> Path:
    return shared / "data" / "videos"
