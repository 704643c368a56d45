"""The process that indexes, with the extractor of colours, and files that are hostile by
their names: they end or hang whatever opens them, or slow it down."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from slta import video
from slta.features import EXTRACTORS, Kind
from slta.index import adding
from slta.moments import VideoInfo
from slta.serve import indexing
from tests.support.extractors import Colours

COMMAND = (sys.executable, "-m", "tests.support.colour_indexing")
usual = video.probe


def probe(path: str | Path) -> VideoInfo:
    name = Path(path).name
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("eats"):
        np.empty(16 << 30, np.uint8)
    if name.startswith("hang"):
        # No other thread of the process runs meanwhile, nor a handler of a signal.
        ctypes.PyDLL(None).sleep(600)
    if name.startswith("slow"):
        time.sleep(2)
    return usual(path)


if __name__ == "__main__":
    EXTRACTORS["colours"] = Kind(lambda _: Colours())
    adding.COMMIT_S = 0.0
    video.probe = probe
    indexing.main()
