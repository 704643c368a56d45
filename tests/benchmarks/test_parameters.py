"""The published numbers of parameters are those of the models."""

import json

from benchmarks.tables.cells import RESULTS

from benchmarks import parameters


def test_what_is_published_is_what_the_models_have() -> None:
    published = json.loads((RESULTS / "parameters.json").read_text())
    del published["about"]
    assert parameters.measure() == published, (
        "run: python -m benchmarks parameters tables"
    )
