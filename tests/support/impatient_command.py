"""``colour_command`` with a server that does not wait for long."""

import sys

from slta.cli import main
from slta.features import EXTRACTORS, Kind
from slta.serve import guards, patience, running
from tests.support.extractors import Colours


def impatient_command(*arguments: object) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.support.impatient_command",
        *map(str, arguments),
    ]


if __name__ == "__main__":
    patience.HEADERS_S = 1.0  # type: ignore[misc]
    patience.READING_S = 2.0  # type: ignore[misc]
    guards.PATIENCE_S = 1.0  # type: ignore[misc]
    running.KEEP_ALIVE_S = 1  # type: ignore[misc]
    EXTRACTORS["colours"] = Kind(lambda _: Colours())
    main()
