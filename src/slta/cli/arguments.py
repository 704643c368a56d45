"""Parses the command line with tyro; errors become one line."""

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
"""Indentation of help texts in tyro's error box."""
CONFIG = (tyro.conf.AvoidSubcommands,)
LISTED = re.compile(r"^.? {0,3}(?:-\w, )?(--\w[\w.-]*)", re.MULTILINE)
"""An option in the output of --help."""
JARGON = "invalid literal|could not convert|Could not find valid parse"


IndexPlace = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="PLACE",
        help_behavior_hint="",
        help="Where the index lies, a folder or an address such as s3://bucket/name "
        "(default: in $SLTA_HOME/indexes).",
    ),
]
IndexExtractor = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="NAME",
        help_behavior_hint="",
        help="Extractor: imagenet-words, clip, siglip, or clip:NAME (default: the index's, or "
        "imagenet-words).",
    ),
]
StoreFolder = Annotated[
    Path | None,
    tyro.conf.arg(
        metavar="DIR",
        help_behavior_hint="",
        help="Folder of the store (default: $SLTA_HOME/store, or store in the cache folder).",
    ),
]
"""Options that several commands have. They are types, as the fields of a common base would
come first in each command's help."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Options for runs whose files were moved."""

    root: Annotated[
        Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")
    ] = None
    """Folder of a run's data set, if it was moved."""
    extractor: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """A run's features, if their files were moved, such as slta-release:DIR."""
    words: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")
    ] = None
    """A run's word vectors, if their file was moved, such as glove:FILE."""
    model: Annotated[
        str | None, tyro.conf.arg(metavar="FILE.py:CLASS", help_behavior_hint="")
    ] = None
    """Code of a run's model, if it is your own; the file is executed."""

    def load_model(self) -> None:
        """Registers the model of a file, before a run with it is opened."""
        if self.model is not None:
            from slta.models import find

            find(self.model)


def parsed(
    kind: Callable[..., T],
    arguments: Sequence[str],
    *,
    pairs: bool = False,
    **settings: Any,
) -> T:
    """Parses arguments. Raises ``InputError`` for invalid ones, and exits for ``--help``.

    With ``pairs``, boolean options have a counterpart --no-…; ``settings`` are arguments of
    ``tyro.cli``.
    """
    _check_given(arguments)
    output = io.StringIO()
    try:
        with redirect_stderr(output):
            return tyro.cli(
                kind,
                args=list(arguments),
                config=_config(pairs),
                **settings,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        line = in_one_line(output.getvalue(), lambda: _options(kind, settings, pairs))
        raise InputError(line) from None


def _config(pairs: bool) -> tuple[Any, ...]:
    return CONFIG if pairs else (*CONFIG, tyro.conf.FlagCreatePairsOff)


def _check_given(arguments: Sequence[str]) -> None:
    """Raises ``InputError`` for an empty value, usually an empty shell variable, which would
    mean the current folder. Fields of an experiment and --words may be empty."""
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=" "):
        option, equals, value = word.partition("=")
        empty = not (value if equals else following)
        may = "." in option or option == "--words"
        if empty and option.startswith("--") and not may:
            raise InputError(f"{option} is empty; give it a value, or leave it out")


def _options(
    kind: Callable[..., Any], settings: Mapping[str, Any], pairs: bool
) -> list[str]:
    """All options, from the output of --help."""
    listed = io.StringIO()
    with redirect_stdout(listed), suppress(SystemExit):
        tyro.cli(kind, args=["--help"], config=_config(pairs), **settings)
    return LISTED.findall(listed.getvalue())


def abbreviated(option: str, options: Sequence[str]) -> str | None:
    """The shortest option that this abbreviates, by the beginnings or first letters of its
    last words.

    >>> abbreviated("--training.lr", ["--training.seed", "--training.learning-rate"])
    '--training.learning-rate'
    >>> abbreviated("--train.learn", ["--training.seed", "--training.learning-rate"])
    '--training.learning-rate'
    """
    short = option.lstrip("-").split(".")

    def fits(name: str) -> bool:
        parts = name.removeprefix("--").split(".")[-len(short) :]
        return len(parts) == len(short) and all(map(_shortens, short, parts))

    return min(filter(fits, options), key=len, default=None)


def _shortens(short: str, name: str) -> bool:
    words = name.split("-")
    if len(short) < 2:
        return False
    if short == "".join(word[:1] for word in words):
        return True
    starts = short.split("-")
    return len(starts) <= len(words) and all(map(str.startswith, words, starts))


def in_one_line(box: str, options: Callable[[], Sequence[str]] = list) -> str:
    """tyro's error box as one line, with a suggestion and where to read more.

    The text is parsed because tyro's error objects (``tyro._errors``) are private, and its
    ``get_parser`` is to be removed.
    """
    first, *others = _sections(box)
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


def _sections(box: str) -> list[list[str]]:
    """The sections of tyro's error box, without help texts.

    Without box-drawing characters, the box is of spaces and hyphens.
    """
    sections: list[list[str]] = [[]]
    for row in box.splitlines()[1:]:
        line = row[2:].rstrip("│╯ ")
        if line and not line.strip("─-"):
            sections.append([])
        elif line and len(line) - len(line.lstrip()) < EXPLAINED:
            sections[-1].append(line.strip())
    return [part for part in sections if part] or [[]]


def _unknown(
    words: list[str],
    about: dict[str, list[str]],
    options: Callable[[], Sequence[str]],
) -> str:
    for head in about if not words[0].startswith("-") else ():
        if known := re.fullmatch("Available subcommands: (.*)", head):
            near = get_close_matches(words[0], known[1].split(", "), n=1, cutoff=0.7)
            hint = f"did you mean {near[0]}?" if near else f"it is one of {known[1]}"
            return f"unknown command {words[0]!r}; {hint}"
    # The word after an unknown option may be its value.
    if unknown := [word for word in words if word.startswith("-")]:
        line = f"unknown option {unknown[0]}"
        meant = abbreviated(unknown[0].partition("=")[0], options())
        if meant is None and (similar := about.get("Perhaps you meant")):
            meant = similar[0].split()[0].rstrip(",")
        return f"{line}; did you mean {meant}?" if meant else line
    return f"unexpected {words[0]!r}"


def _plain(message: str, about: dict[str, list[str]]) -> str:
    """A message without programming jargon."""
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
