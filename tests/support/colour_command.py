"""The command in a process of its own, with the extractor of colours."""

import sys

from slta.cli import main
from slta.features import EXTRACTORS, Kind
from tests.support.extractors import Colours


def colour_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.support.colour_command", *map(str, arguments)]


if __name__ == "__main__":
    EXTRACTORS["colours"] = Kind(lambda _: Colours())
    main()
