"""``slta plot``: plots of a comparison."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slta.cli.screen import screen
from slta.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Plot a comparison by 'slta compare': recall, cost, and answers over time."""

    comparison: tyro.conf.Positional[Path]
    """JSON file written by 'slta compare'."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path(".")
    """Folder for recall.png, cost.png and answers.png."""


def plot(command: Plot) -> None:
    from slta.files import read_object
    from slta.plots.comparison import draw

    path = command.comparison
    remedy = "give a file written by 'slta compare'"
    try:
        found = read_object(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({why}); {remedy}") from error
    try:
        paths = draw(found, command.out)
    except OSError as error:
        why = error.strerror or error
        raise InputError(
            f"{command.out} cannot be written ({why}); give a folder with --out"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a comparison (it lacks {error}); {remedy}"
        ) from error
    for made in paths:
        screen.print(str(made), markup=False, soft_wrap=True)
