"""The command ``slta``."""

import signal
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its status."""
    usual = signal.default_int_handler
    loading = signal.getsignal(signal.SIGINT) is usual
    if loading:
        # KeyboardInterrupt is not handled yet.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from slta.cli.commands import run

    if loading:
        signal.signal(signal.SIGINT, usual)
    run(arguments)
