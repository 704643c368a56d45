"""The processes that open files for the server."""

import json
import multiprocessing
from pathlib import Path

from slta.serve.decoder import _work


def test_a_process_whose_server_is_gone_ends_without_a_word(tmp_path: Path) -> None:
    """Its answer has nobody to go to, which is no error that somebody should read."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there,))
    process.start()
    there.close()
    asked = {"path": str(tmp_path / "none.mp4"), "width": 8, "height": 8}
    here.send_bytes(json.dumps(["picture", asked]).encode())
    here.close()
    process.join(60)
    assert process.exitcode == 0
