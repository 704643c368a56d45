"""What every test shares: where the real data is, and what happens where it is not."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from beartype import BeartypeConf
from beartype.claw import beartype_package
from hypothesis import settings
from jaxtyping import install_import_hook

settings.register_profile("slta", deadline=None, derandomize=True)
settings.load_profile("slta")

# Tests run side by side: threads of one would only wait for those of another. torch reads
# this when it is imported, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
SLTA = ROOT / "src" / "slta"
SHARED = ROOT.parent / "shared"


def _check_types() -> None:
    """Of every call: of arrays and their shapes where there are any, which takes its
    time, and by beartype alone elsewhere.
    """
    modules = set()
    for file in SLTA.rglob("*.py"):
        text = file.read_text()
        # Names that are there for mypy alone stop beartype, but not jaxtyping.
        if "jaxtyping" in text or "TYPE_CHECKING" in text:
            path = file.relative_to(SLTA.parent).with_suffix("")
            modules.add(".".join(path.parts).removesuffix(".__init__"))
    # A package stands for all that is in it.
    install_import_hook(sorted(modules - {"slta"}), "beartype.beartype")
    beartype_package("slta", conf=BeartypeConf(claw_is_pep526=False))


_check_types()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if SHARED.is_dir():
        return
    real = [item for item in items if item.get_closest_marker("real")]
    config.hook.pytest_deselected(items=real)
    items[:] = [item for item in items if item not in real]


def pytest_report_header() -> str:
    if SHARED.is_dir():
        return f"real data: {SHARED}"
    return f"real data: {SHARED} is missing, so the tests marked real are left out"


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
