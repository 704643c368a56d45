"""Dispatches the command line to functions, and errors to one line and an exit status.

Imports are lazy, to start fast.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from itertools import takewhile
from typing import Annotated, Any

import tyro

from slta.cli.arguments import parsed
from slta.cli.compare import Compare, Plot, compare, plot
from slta.cli.data import DataSets, data
from slta.cli.evaluate import Evaluate, evaluate
from slta.cli.extract import Extract, extract
from slta.cli.importing import Import, import_
from slta.cli.index import IndexFolder, index
from slta.cli.listing import List, listing
from slta.cli.mcp import Mcp, mcp
from slta.cli.screen import USAGE, notes, screen, tell
from slta.cli.search import Search, search
from slta.cli.serve import Serve, serve
from slta.cli.sharing import Pull, Push, pull, push
from slta.cli.train import Train, train
from slta.errors import InputError

COMMANDS: dict[str, tuple[type[Any], Callable[[Any], None]]] = {
    "search": (Search, search),
    "index": (IndexFolder, index),
    "serve": (Serve, serve),
    "mcp": (Mcp, mcp),
    "import": (Import, import_),
    "evaluate": (Evaluate, evaluate),
    "compare": (Compare, compare),
    "plot": (Plot, plot),
    "extract": (Extract, extract),
    "push": (Push, push),
    "pull": (Pull, pull),
    "list": (List, listing),
}
Command = (
    Annotated[Search, tyro.conf.subcommand("search")]
    | Annotated[IndexFolder, tyro.conf.subcommand("index")]
    | Annotated[Serve, tyro.conf.subcommand("serve")]
    | Annotated[Mcp, tyro.conf.subcommand("mcp")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Import, tyro.conf.subcommand("import")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[Plot, tyro.conf.subcommand("plot")]
    | Annotated[Extract, tyro.conf.subcommand("extract")]
    | Annotated[DataSets, tyro.conf.subcommand("data")]
    | Annotated[Push, tyro.conf.subcommand("push")]
    | Annotated[Pull, tyro.conf.subcommand("pull")]
    | Annotated[List, tyro.conf.subcommand("list")]
)
INTERRUPTED, STOPPED = 130, 141
"""Exit statuses after Ctrl-C and after a closed pipe."""
DESCRIPTION = """Find the moment in a video that a sentence describes.

-V or --version, with any command, shows the version."""
REMEDY = "give another one, or allow access to it"
"""Remedy for a file or folder without access."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its status."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(format="%(message)s")
    logging.getLogger("slta").setLevel(logging.INFO)
    # Like Ctrl-C, so that child processes end as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments))
    except InputError as error:
        tell(error)
        sys.exit(USAGE)
    except BrokenPipeError:
        # The reader has closed the pipe, as in "slta --help | head".
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(STOPPED)
    except OSError as error:
        if error.filename is None:
            raise
        line = f"slta: {error.filename}: {error.strerror or error}; {REMEDY}"
        notes.print(line, markup=False, soft_wrap=True)
        sys.exit(USAGE)
    except KeyboardInterrupt as stop:
        line = f"slta: interrupted; {str(stop) or 'what was finished is kept'}"
        # A second Ctrl-C must not interrupt the message.
        usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
        notes.print(line, markup=False, soft_wrap=True)
        signal.signal(signal.SIGINT, usual)
        sys.exit(INTERRUPTED)


def _run(arguments: list[str]) -> None:
    if {"--version", "-V"} & {*takewhile("--".__ne__, arguments)}:
        from importlib.metadata import version

        screen.print(f"slta {version('slta')}", markup=False, highlight=False)
        return
    # Options depend on the experiment, or on the subcommand of data.
    if arguments[:1] == ["train"]:
        train(arguments[1:])
        return
    if arguments[:1] == ["data"]:
        data(arguments[1:])
        return
    if arguments[:1] and arguments[0] in COMMANDS:
        # Parsed alone, so that only options of this command are suggested.
        kind, function = COMMANDS[arguments[0]]
        function(parsed(kind, arguments[1:], prog=f"slta {arguments[0]}"))
        return
    parsed(
        Command,  # type: ignore[arg-type]
        arguments,
        prog="slta",
        description=DESCRIPTION,
    )
