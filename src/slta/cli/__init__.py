"""The command ``slta``."""

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its code."""
    usual = signal.default_int_handler
    loading = signal.getsignal(signal.SIGINT) is usual
    if loading:
        # Nobody is there yet to catch what Ctrl-C raises.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from slta.cli.commands import run

    if loading:
        signal.signal(signal.SIGINT, usual)
    run(arguments)
