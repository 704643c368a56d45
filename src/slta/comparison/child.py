"""The command ``slta``, which ends when the process that started it does.

    python -m slta.comparison.child train …

Its standard input is a pipe of which only the parent has the other end: it is closed when
the parent ends, even one that is killed.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 10.0
"""To end as after Ctrl-C, before it is ended anyway."""


def _end_with_the_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    runpy.run_module("slta.cli", run_name="__main__", alter_sys=True)
