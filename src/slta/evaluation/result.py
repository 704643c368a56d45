"""The result of ``slta.evaluate``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from slta.errors import InputError
from slta.evaluation.measuring import lines, measured_file
from slta.evaluation.protocols import PROTOCOLS
from slta.extensions import unknown


def text(value: object) -> str:
    """The value as escaped text, without lone surrogates."""
    return escape(str(value).encode("utf-8", "backslashreplace").decode())


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a header."""
    head = "".join(f"<th>{text(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Number(NamedTuple):
    """A metric in [0, 1] with its 95 % interval over videos."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """In percent.

        >>> str(Number(0.5, 0.25, 0.75))
        '50.0 [25.0, 75.0]'
        """
        return f"{100 * self.value:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Metrics of a run, or of a file of predictions, by one protocol."""

    content: Mapping[str, Any]
    """The output of ``slta evaluate --json``."""
    notes: Sequence[str] = field(default_factory=tuple)
    """Oddities of the file, a line each."""

    @property
    def protocol(self) -> str:
        return str(self.content["protocol"])

    @property
    def queries(self) -> int:
        """Number of evaluated queries, those with a true span."""
        return int(self.content["queries"])

    @property
    def numbers(self) -> dict[str, Number]:
        """Metrics by name."""
        return self.rows[next(iter(self.rows))]

    @property
    def rows(self) -> dict[str, dict[str, Number]]:
        """Metrics of the model or the file, then of the baselines without video."""
        return {
            name: {
                metric: Number(number["value"], *number["interval"])
                for metric, number in numbers.items()
            }
            for name, numbers in self.content["answers"].items()
        }

    def __getitem__(self, metric: str) -> Number:
        """A metric, such as ``"R@1, IoU=0.5"``.

        Raises ``InputError`` for one that the protocol does not have.
        """
        numbers = self.numbers
        if metric not in numbers:
            remedy = f"{self.protocol} has {', '.join(numbers)}"
            raise InputError(unknown("metric", metric, numbers, remedy))
        return numbers[metric]

    def to_json(self) -> dict[str, Any]:
        """The output of ``slta evaluate --json``."""
        return dict(self.content)

    def __str__(self) -> str:
        """Metrics as the field's logs print them, then a line for each row."""
        return "\n".join([*lines(dict(self.content)), *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *_ = lines(dict(self.content))
        shown = [
            name for name in PROTOCOLS[self.protocol].shown if name in self.numbers
        ]
        rows = [
            [name, *(numbers[metric] for metric in shown)]
            for name, numbers in self.rows.items()
        ]
        notes = "".join(f"<p>{text(note)}</p>" for note in self.notes)
        columns = ["in % [95 % interval]", *shown]
        return f"<div><p>{text(head)}</p>{table(columns, rows)}{notes}</div>"


def evaluate_file(
    path: Path, truth: Path | None, protocol: str, nms_iou: float | None = None
) -> Evaluation:
    """Of a file of predictions, with its ground truth in another file or in itself."""
    content, notes = measured_file(path, truth, protocol, nms_iou)
    return Evaluation(content, tuple(notes))
