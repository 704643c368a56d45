"""Words on the command line to typed values, by tyro; what is wrong in one line."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from slta.errors import InputError

T = TypeVar("T")
EXPLAINED = 8
"""Spaces before what explains an option in tyro's box."""
CONFIG = (tyro.conf.AvoidSubcommands,)
LISTED = re.compile(r"^.? {0,3}(?:-\w, )?(--\w[\w.-]*)", re.MULTILINE)
"""An option, where --help lists it."""
JARGON = "invalid literal|could not convert|Could not find valid parse"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Where what a run was trained with is now."""

    root: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Of a run: the folder of its data set, if it is no longer where it was."""
    extractor: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Of a run: its extractor, if the files are elsewhere now: slta-release:DIR."""
    words: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """Of a run: its words, if their file is elsewhere now: glove:FILE."""
    model: Annotated[
        str | None, tyro.conf.arg(metavar="FILE.py:CLASS", help_behavior_hint="")
    ] = None
    """Of a run whose model is yours: its code, which is run."""

    def load_model(self) -> None:
        """Makes the model of a file known before a run that has it is opened."""
        if self.model is not None:
            from slta.models import find

            find(self.model)


def parsed(
    kind: Callable[..., T],
    arguments: Sequence[str],
    *,
    pairs: bool = False,
    **given: Any,
) -> T:
    """Raises ``InputError`` for what cannot be read, and exits for ``--help``.

    With ``pairs``, what is true or false has a second option, --no-…, for the other.
    ``given`` goes to ``tyro.cli``.
    """
    _check_given(arguments)
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                kind,
                args=list(arguments),
                config=_config(pairs),
                **given,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        line = in_one_line(said.getvalue(), lambda: _options(kind, given, pairs))
        raise InputError(line) from None


def _config(pairs: bool) -> tuple[Any, ...]:
    return CONFIG if pairs else (*CONFIG, tyro.conf.FlagCreatePairsOff)


def _check_given(arguments: Sequence[str]) -> None:
    """An empty path would be the current folder, which nobody means who gives an empty
    variable. A field of an experiment may be empty, and so may words: the extractor's."""
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=" "):
        option, equals, value = word.partition("=")
        empty = not (value if equals else following)
        may = "." in option or option == "--words"
        if empty and option.startswith("--") and not may:
            raise InputError(f"{option} is empty; give it a value, or leave it out")


def _options(
    kind: Callable[..., Any], given: Mapping[str, Any], pairs: bool
) -> list[str]:
    """All that there are, as --help lists them."""
    listed = io.StringIO()
    with redirect_stdout(listed), suppress(SystemExit):
        tyro.cli(kind, args=["--help"], config=_config(pairs), **given)
    return LISTED.findall(listed.getvalue())


def abbreviated(option: str, options: Sequence[str]) -> str | None:
    """The shortest option of which this is an abbreviation: of its last words, by their
    beginnings or first letters.

    >>> abbreviated("--training.lr", ["--training.seed", "--training.learning-rate"])
    '--training.learning-rate'
    >>> abbreviated("--train.learn", ["--training.seed", "--training.learning-rate"])
    '--training.learning-rate'
    """
    given = option.lstrip("-").split(".")

    def fits(known: str) -> bool:
        parts = known.removeprefix("--").split(".")[-len(given) :]
        return len(parts) == len(given) and all(map(_shortens, given, parts))

    return min(filter(fits, options), key=len, default=None)


def _shortens(short: str, name: str) -> bool:
    words = name.split("-")
    if len(short) < 2:
        return False
    if short == "".join(word[:1] for word in words):
        return True
    starts = short.split("-")
    return len(starts) <= len(words) and all(map(str.startswith, words, starts))


def in_one_line(said: str, options: Callable[[], Sequence[str]] = list) -> str:
    """What tyro's box says is wrong, what was perhaps meant, and where to read more.

    Its errors as objects (``tyro._errors``) may change in any release, and its parser
    (``get_parser``) is to be removed; where a box changes, a line is only less good.
    """
    first, *others = _sections(said)
    about = {part[0].rstrip(":"): part[1:] for part in others}
    message = " ".join(first) or "the command cannot be read"
    if unknown := re.match("Unrecognized options: (.*)", message):
        line = _unknown(unknown[1].split(", "), about, options)
    elif words := re.findall(r"(\S+) \(applied to .*?\)", message):
        line = _unknown(words, about, options)
    else:
        line = _plain(message, about)
    more = re.split("(?:run|see):? ", " ".join(others[-1]) if others else "--help")[-1]
    return f"{line}; see {more}"


def _sections(said: str) -> list[list[str]]:
    """The box's lines, part by part, but for what explains an option.

    Where the screen has no lines to draw a box with, it is of spaces and hyphens.
    """
    found: list[list[str]] = [[]]
    for row in said.splitlines()[1:]:
        line = row[2:].rstrip("│╯ ")
        if line and not line.strip("─-"):
            found.append([])
        elif line and len(line) - len(line.lstrip()) < EXPLAINED:
            found[-1].append(line.strip())
    return [part for part in found if part] or [[]]


def _unknown(
    words: list[str],
    about: dict[str, list[str]],
    options: Callable[[], Sequence[str]],
) -> str:
    for head in about if not words[0].startswith("-") else ():
        if known := re.fullmatch("Available subcommands: (.*)", head):
            near = get_close_matches(words[0], known[1].split(", "), n=1)
            hint = f"did you mean {near[0]}?" if near else f"it is one of {known[1]}"
            return f"unknown command {words[0]!r}; {hint}"
    # What follows an unknown option is perhaps its value.
    if unknown := [word for word in words if word.startswith("-")]:
        line = f"unknown option {unknown[0]}"
        meant = abbreviated(unknown[0].partition("=")[0], options())
        if meant is None and (similar := about.get("Perhaps you meant")):
            meant = similar[0].split()[0].rstrip(",")
        return f"{line}; did you mean {meant}?" if meant else line
    return f"unexpected {words[0]!r}"


def _plain(message: str, about: dict[str, list[str]]) -> str:
    """Without the words of a programmer."""
    message = message.rstrip(". ").replace(". Expected", "; expected")
    message = re.sub(r"^Error parsing [\w.]+: ", "", message)
    message = message.removesuffix("; expected 1 values")
    if choices := re.fullmatch(r"(.*; expected one of )\((.*?),?\)", message):
        message = choices[1] + choices[2].replace("'", "")
    if names := re.fullmatch(r"Expected one of {(.*)}", message):
        return f"no command given; it is one of {names[1]}"
    if option := about.get("Argument helptext"):
        value = re.match(rf"Error parsing .*: (?:{JARGON}).*?: (.*)", message)
        name = option[0].replace("{None}|INT", "None|INT")
        return f"{name} cannot be {value[1]}" if value else message
    return message[:1].lower() + message[1:]
