import json

from benchmarks import parameters, tables


def test_what_is_published_is_what_the_models_have() -> None:
    published = json.loads((tables.RESULTS / "parameters.json").read_text())
    del published["about"]
    assert parameters.measure() == published, (
        "run: python -m benchmarks parameters tables"
    )
