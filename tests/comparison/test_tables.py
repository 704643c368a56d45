"""Tables of a comparison: Markdown, CSV and LaTeX."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from slta.comparison import tables
from slta.errors import InputError
from slta.evaluation.protocols import PROTOCOLS
from tests.support.comparisons import comparison


def cells(text: str, name: str) -> list[str]:
    """Of the line of a Markdown table that has this name."""
    (line,) = [line for line in text.splitlines() if name in line and line[0] == "|"]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_has_a_table_a_split_with_the_best_in_bold() -> None:
    found = comparison(slta=(0.5, 0.7), ctrl=0.4)
    text = tables.markdown(found)
    shown = PROTOCOLS["ctrl"].shown
    assert cells(text, "model") == ["model", "seeds", *shown]
    assert cells(text, "`slta`") == ["`slta`", "2", *["**60.0** [50.0, 70.0]"] * 3]
    assert cells(text, "`ctrl`") == ["`ctrl`", "1", *["40.0 [30.0, 50.0]"] * 3]
    lines = text.splitlines()
    order = [
        i
        for word in ("`slta`", "`ctrl`", "moment freq", "query freq")
        for i, line in enumerate(lines)
        if word in line
    ]
    assert order == sorted(order) and len(order) == 4
    assert cells(text, "moment freq")[1:] == ["", *["15.0 [10.0, 20.0]"] * 3]
    second = {**found, "splits": ["test", "novel"]}
    for row in second["models"].values():
        row["novel"] = row["test"]
    second["without video"]["novel"] = {}
    assert tables.markdown(second).count("\n### own, ") == 2


def test_a_baseline_that_is_best_is_bold_and_so_is_who_ties() -> None:
    found = comparison(slta=0.1, ctrl=0.05)
    text = tables.markdown(found)
    assert text.count("**15.0**") == 6 and "**10.0**" not in text
    text = tables.markdown(comparison(slta=0.3, ctrl=(0.2, 0.4)))
    assert text.count("**30.0**") == 6


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a|b", r"`a\|b`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a\nb", "`a b`")],
)
def test_no_name_breaks_a_markdown_table(name: str, shown: str) -> None:
    found = comparison(slta=0.5)
    found["models"]["own_slta"]["label"] = name
    line = next(x for x in tables.markdown(found).splitlines() if "50.0" in x)
    assert line.startswith(f"| {shown} | 1 | **50.0**")


def test_latex_is_escaped_and_balanced() -> None:
    found = comparison(slta_no_context=0.5)
    found["models"]["own_slta_no_context"]["label"] = "50%_{a}\\b~^#&$<|>"
    text = tables.latex(found)
    assert text.startswith("%") and "booktabs" in text.splitlines()[0]
    line = next(line for line in text.splitlines() if "50.0" in line)
    escaped = (
        r"50\%\_\{a\}\textbackslash{}b\textasciitilde{}\textasciicircum{}\#\&\$"
        r"\textless{}\textbar{}\textgreater{}"
    )
    assert line.strip().startswith(f"{escaped} & 1 & \\textbf{{50.0}} ")
    assert line.endswith(r" \\")
    for line in text.splitlines():
        if line.endswith(r" \\"):
            assert len(re.findall(r"(?<!\\)&", line)) == 4
    for what in ("table", "tabular"):
        assert text.count(f"\\begin{{{what}}}") == text.count(f"\\end{{{what}}}") == 1
    assert re.findall(r"\\(\w+rule)", text) == [
        *("toprule", "midrule", "midrule", "bottomrule")
    ]


def test_csv_has_a_row_a_run_split_and_metric() -> None:
    found = comparison(slta=(0.5, 0.7), ctrl=0.4)
    rows = [*csv.DictReader(io.StringIO(tables.as_csv(found)))]
    assert [*rows[0]][:10] == (
        "run model data seed split protocol metric value low high".split()
    )
    keys = [(row["run"], row["split"], row["protocol"], row["metric"]) for row in rows]
    assert len({*keys}) == len(keys) == 3 * len(PROTOCOLS["ctrl"].shown)
    second = next(row for row in rows if row["run"] == "runs/slta-1")
    assert second["model"] == "slta" and second["data"] == "own"
    assert second["seed"] == "1" and float(second["value"]) == 0.7
    assert float(second["low"]) == pytest.approx(0.5)
    assert float(second["high"]) == pytest.approx(0.9)


def test_a_name_with_commas_and_quotes_is_one_field() -> None:
    found = comparison(slta=0.5)
    found["models"]["own_slta"]["runs"] = ['runs/a, "b"\nc']
    rows = [*csv.DictReader(io.StringIO(tables.as_csv(found)))]
    assert {row["run"] for row in rows} == {'runs/a, "b"\nc'}
    assert {row["protocol"] for row in rows} == {"ctrl"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_its_own_main_measures(protocol: str) -> None:
    found = comparison(protocol, slta=0.5)
    text = tables.markdown(found)
    assert cells(text, "model")[2:] == [*PROTOCOLS[protocol].shown]


def test_a_measure_that_one_model_lacks_is_left_empty() -> None:
    """As highlights, which not every model answers."""
    found = comparison("detr", slta=0.5, qd_detr=0.6)
    del found["models"]["own_slta"]["test"]["HIT@1, VeryGood"]
    text = tables.markdown(found)
    assert cells(text, "`slta`")[-1] == "" != cells(text, "`qd_detr`")[-1]
    assert text.count("|\n") == 6


@pytest.mark.parametrize("name", ["a.txt", "a", "a.xlsx", ".md"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--table .* ends in .*\.md, \.csv, \.tex"):
        tables.check(tmp_path / name)


@pytest.mark.parametrize("suffix", [".md", ".csv", ".tex", ".MD"])
def test_only_tables_are_written_over(suffix: str, tmp_path: Path) -> None:
    found: dict[str, Any] = comparison(slta=0.5)
    path = tmp_path / f"new/results{suffix}"
    tables.check(path)
    assert not path.parent.exists()
    tables.write(path, found)
    tables.check(path)
    text = path.read_text()
    path.write_text("# My notes\n" + text)
    with pytest.raises(InputError, match="is not a table of a comparison"):
        tables.check(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match="is a folder"):
        tables.check(path)


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "results.md"
    found = comparison(slta=0.5)
    tables.write(path, found)
    text = path.read_text()
    del found["models"]["own_slta"]["test"]["queries"]
    with pytest.raises(KeyError):
        tables.write(path, found)
    assert path.read_text() == text and [*tmp_path.iterdir()] == [path]
