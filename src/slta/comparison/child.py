"""The command ``slta`` as a child process that ends with its parent.

    python -m slta.comparison.child train …

Standard input is a pipe whose other end only the parent holds: the pipe closes when the
parent ends, even if it is killed.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 10.0
"""Seconds to end as after Ctrl-C before the process exits anyway."""


def _end_with_the_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    runpy.run_module("slta.cli", run_name="__main__", alter_sys=True)
