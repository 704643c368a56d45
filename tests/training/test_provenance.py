import shutil
import subprocess
from pathlib import Path

import pytest

from slta.training import provenance

ROOT = Path(__file__).resolve().parents[2]


def test_the_commit_is_that_of_the_checkout() -> None:
    said = provenance.commit()
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said is not None
    assert head.stdout.startswith(said.removesuffix("-dirty"))


def test_a_copy_in_a_checkout_of_something_else_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a virtual environment inside a user's own repository."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(
        ["git", *who, "commit", "-q", "--allow-empty", "-m", "x"],
        cwd=tmp_path,
        check=True,
    )
    copy = Path(shutil.copy(provenance.__file__, tmp_path))
    monkeypatch.setattr(provenance, "__file__", str(copy))
    assert provenance.commit() is None


def test_a_machine_is_told_by_its_cores_and_python() -> None:
    assert " cores, " in provenance.machine()
    assert provenance.machine().endswith(provenance.versions()["python"])
