"""What runs on the machines of a cluster."""

import platform
from importlib.metadata import version
from typing import Any, NamedTuple

from slta.cluster.exchange import NotHere, Undone, Unfit, Work
from slta.errors import InputError, UnwritableError

_held: dict[str, Work[Any, Any]] = {}
"""The work that this process has prepared."""


class Unable(NamedTuple):
    """A machine cannot do the work."""

    problem: str


def attempt(key: str, work: list[Any], made_by: str, job: Any) -> Any:
    """The result of a job, or why there is none; ``work`` holds a reference to it."""
    try:
        if key not in _held:
            _hold(key, work[0], made_by)
        return _held[key](job)
    except NotHere as error:
        return Undone(str(error), lasting=False)
    except (Unfit, UnwritableError) as error:
        return Unable(_located(error))
    except InputError as error:
        return Undone(str(error)) if key in _held else Unable(_located(error))


def _hold(key: str, reference: Any, made_by: str) -> None:
    import ray

    if (ours := version("slta")) != made_by:
        raise InputError(
            f"slta is {ours} there, and {made_by} here; install the same version on all "
            "machines"
        )
    work = ray.get(reference)
    work.prepare()
    _held.clear()
    _held[key] = work


def _located(error: InputError) -> str:
    return f"on the machine {platform.node()}: {error}"
