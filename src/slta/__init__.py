"""Find the moment in a video that a sentence describes.

from slta import Searcher
answer = Searcher().search("film.mp4", "a cat sleeps")
print(answer.is_clear, answer.moments[0].span)

Several queries have as many answers: Searcher().search("film.mp4", ["a cat", "a dog"]).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slta.errors import InputError
    from slta.moments import Moment, Span
    from slta.search import Answer, Searcher

__all__ = ["Answer", "InputError", "Moment", "Searcher", "Span"]
__version__ = "0.1.0"

_HOMES = {
    "Answer": "slta.search",
    "InputError": "slta.errors",
    "Moment": "slta.moments",
    "Searcher": "slta.search",
    "Span": "slta.moments",
}


def __getattr__(name: str) -> object:
    """Imports what is asked for, so that ``slta --help`` need not wait for it all."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'slta' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What is not imported yet, too, for ``help`` and for completion."""
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING"})
