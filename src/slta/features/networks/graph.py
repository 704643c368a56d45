"""Builds ONNX graphs node by node."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from jaxtyping import Shaped
from onnx import helper, numpy_helper

OPSET = 17
IR = 8
"""The oldest IR version with these operators, for old runtimes."""
RUNTIME = "com.microsoft"
"""Domain of onnxruntime's own operators."""


Weights = Mapping[str, Shaped[np.ndarray, "..."]]
Operand = str | np.ndarray | np.generic


class Graph:
    """An ONNX graph. A call adds a node and returns the name of its output."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._constants: list[onnx.TensorProto] = []

    def __call__(self, operator: str, *inputs: Operand, **attributes: Any) -> str:
        """Arrays among the inputs become constants."""
        return self.split(operator, *inputs, parts=1, **attributes)[0]

    def split(
        self, operator: str, *inputs: Operand, parts: int, **attributes: Any
    ) -> list[str]:
        """Adds a node with that many outputs."""
        names = [x if isinstance(x, str) else self._constant(x) for x in inputs]
        number = len(self._nodes)
        outputs = [f"{operator}_{number}_{part}" for part in range(parts)]
        self._nodes.append(helper.make_node(operator, names, outputs, **attributes))
        return outputs

    def input(self, name: str, kind: type[np.generic], *shape: int | str) -> str:
        """An axis of variable length has a name instead of a size."""
        self._inputs.append(_value(name, kind, shape))
        return name

    def output(self, name: str, value: str, *shape: int | str) -> None:
        """Makes ``value``, in float32, an output of that name."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(_value(name, np.float32, shape))

    def write(self, path: Path) -> None:
        graph = helper.make_graph(
            self._nodes, path.stem, self._inputs, self._outputs, self._constants
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIME, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR)
        path.write_bytes(model.SerializeToString())

    def _constant(self, values: np.ndarray | np.generic) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(
            numpy_helper.from_array(np.asarray(values, order="C"), name)
        )
        return name


def _value(
    name: str, kind: type[np.generic], shape: tuple[int | str, ...]
) -> onnx.ValueInfoProto:
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return helper.make_tensor_value_info(name, element, shape)
