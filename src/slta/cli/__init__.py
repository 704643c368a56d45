"""The command ``slta``."""

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its code."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        # While the program is being loaded, nobody is there to catch what Ctrl-C raises.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from slta.cli.commands import run

    signal.signal(signal.SIGINT, usual)
    run(arguments)
