"""Calls of the program are checked for their types while the tests run."""

import pkgutil
from importlib import import_module

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

import slta
from slta.moments import Span
from slta.moments.spans import temporal_iou
from tests.support import type_checks


def test_an_array_of_another_shape_is_refused() -> None:
    with pytest.raises(TypeCheckError, match="temporal_iou"):
        temporal_iou(np.zeros(2), np.zeros((1, 2)))


def test_a_time_that_is_no_number_is_refused() -> None:
    with pytest.raises(BeartypeCallHintViolation, match="start='0'"):
        Span("0", "1")  # type: ignore[arg-type]


def test_the_first_calls_of_a_test_are_checked() -> None:
    spans = np.zeros((1, 2))
    for _ in range(type_checks.MOST_CALLS):
        with pytest.raises(TypeCheckError):
            temporal_iou(spans, spans[0])
    temporal_iou(spans, spans)
    with pytest.raises(IndexError):
        temporal_iou(spans, spans[0])
    type_checks.begin_test()
    with pytest.raises(TypeCheckError):
        temporal_iou(spans, spans[0])


def test_no_module_is_left_out() -> None:
    found = pkgutil.walk_packages(slta.__path__, "slta.")
    names = [module.name for module in found if not module.name.endswith("__main__")]
    loaders = {type(import_module(name).__loader__).__module__ for name in names}
    assert {name.split(".")[0] for name in loaders} == {"jaxtyping", "beartype"}
