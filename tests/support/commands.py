"""The command as a user runs it: in a process of its own, or in this one."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from slta import cli


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "slta.cli", *map(str, arguments)]


def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


@dataclass(frozen=True)
class Called:
    code: int
    out: str
    err: str


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> Called:
    """The command in this process, which spares the time to start one."""
    code = 0
    try:
        cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        assert isinstance(stop.code, int)
        code = stop.code
    out, err = capsys.readouterr()
    return Called(code, out, err)


def refused(called: "Called | subprocess.CompletedProcess[str]", *says: str) -> str:
    """The only line of a command that refuses what it was given."""
    if isinstance(called, subprocess.CompletedProcess):
        called = Called(called.returncode, called.stdout, called.stderr)
    assert called.code == 2 and called.out == ""
    line, rest = called.err.split("\n", 1)
    assert rest == "" and line.startswith("slta: ")
    assert "Traceback" not in line and len(line) < 1200
    for said in says:
        assert re.search(said, line), line
    return line


def answered(called: "Called | subprocess.CompletedProcess[str]") -> None:
    """That the exit code says of a search what was printed, and nothing went wrong."""
    if isinstance(called, subprocess.CompletedProcess):
        called = Called(called.returncode, called.stdout, called.stderr)
    if called.out.startswith("{"):
        answers = map(json.loads, called.out.splitlines())
        clear = any(answer["clear_match"] for answer in answers)
    else:
        assert re.search("clear match, confidence", called.out), called.err
        clear = bool(re.search("(?<!no )clear match, confidence", called.out))
    assert called.code == (0 if clear else 1), called.err
