"""The addresses answer as their description says, whatever is sent to them."""

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from tests.support.libraries import Library
from tests.support.servers import asking

with warnings.catch_warnings():
    # Of what it imports.
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

EXAMPLES = 10
"""Requests to each address, of each kind: as described, and not."""
ENDLESS = {"/api/jobs/stream"}
BY_HEADERS = "/api/uploads"
"""What is asked there is in headers of a protocol, which the description leaves out."""
CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
)


@pytest.fixture
def client(library: Library) -> Iterator[httpx.Client]:
    with asking(library.added(2)) as client:
        yield client


TIMES = {"start_s": 0.5, "end_s": 1.5, "found_start_s": 0, "found_end_s": 2}


def fitting(query: dict[str, Any]) -> dict[str, Any]:
    """Parameters that fit each other and the videos, if it has any of them."""
    if query.keys() & {"q", "like", "picture"}:
        return {"q": "red"}
    return query | {"start": 0.5, "end": 1.5} if "start" in query else query


def made(client: httpx.Client, path: str, video: str) -> int:
    """The id of a correction or of a moment of the list a, as the path needs it; one
    before may have been removed."""
    moment = {"video": video, "query": "red", **TIMES}
    sure = {"score": 1, "confidence": 0.5}
    row = client.post("/api/lists/a/moments", json=moment | sure).json()
    if path.startswith("/api/corrections"):
        row = client.put("/api/corrections", json=moment).json()
    number: int = row["id"]
    return number


def statuses(operation: Any, mode: Any, known: dict[str, Any]) -> Iterator[int]:
    """Of the answers to requests, half of them for ``known`` things, which are checked."""
    told = list[int]()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def ask(case: Any, is_known: bool) -> None:
        if is_known and mode.is_positive:
            names = case.path_parameters.keys() & known
            case.path_parameters |= {name: known[name] for name in names}
            case.query = fitting(case.query)
            if isinstance(case.body, dict) and "video" in case.body:
                case.body |= TIMES | {"video": known["video"]}
        response = case.call(timeout=20)
        told.append(response.status_code)
        case.validate_response(response, checks=CHECKS)

    # Where nothing is given, nothing can be given wrongly.
    with suppress(Unsatisfiable):
        ask()
    yield from told


# Of the library's own strategies.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
def test_addresses_answer_as_they_are_described(client: httpx.Client) -> None:
    known: dict[str, Any] = {
        "video": client.get("/api/videos").json()[0]["video"],
        "name": "a",
    }
    known["job"] = client.post("/api/jobs", json={"folder": ""}).json()["id"]
    schema = schemathesis.openapi.from_url(f"{client.base_url}/api/openapi.json")
    told, wrong = dict[str, Counter[int]](), list[str]()
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        if operation.path in ENDLESS:
            continue
        known["id"] = made(client, operation.path, known["video"])
        told[operation.label] = Counter()
        for mode in schemathesis.GenerationMode:
            try:
                told[operation.label].update(statuses(operation, mode, known))
            except BaseExceptionGroup as error:
                wrong += [f"{operation.label}: {each}" for each in error.exceptions]
            except Exception as error:
                wrong.append(f"{operation.label}: {error!r}")
    assert not wrong, "\n\n".join(wrong)
    for label, counts in told.items():
        assert BY_HEADERS in label or any(status < 300 for status in counts), (
            label,
            counts,
        )
    assert sum(sum(counts.values()) for counts in told.values()) > 20 * EXAMPLES


def test_the_description_is_read_without_other_hosts(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "<script>" not in page.text and "style=" not in page.text
    script, style = client.get("/docs.js"), client.get("/docs.css")
    assert script.is_success and style.is_success
    for answer in (page, script, style):
        assert "//" not in answer.text.replace("// ", "")
    assert len(page.content + script.content + style.content) < 10_000
