"""BERT's encoder (Devlin et al., NAACL 2019) as an ONNX graph, from its weights."""

import numpy as np
from jaxtyping import Float

from slta.features.networks.graph import Graph, Weights

EPSILON = 1e-12
"""Epsilon of the layer normalisation."""


def encoder(weights: Weights, *, heads: int) -> Graph:
    """From ids of word pieces (n, m) to the last layer's states (n, m, k).

    The mask is 1 for pieces, 0 for padding.
    """
    graph = Graph()
    ids = graph.input("ids", np.int64, "n", "m")
    mask = graph.input("mask", np.int64, "n", "m")
    x = _embedded(graph, ids, weights)
    there = graph("Unsqueeze", graph("Cast", mask, to=1), np.array([1, 2]))
    # Added to the scores, it gives padding no weight.
    absent = graph("Mul", graph("Sub", there, np.float32(1)), np.float32(1e9))
    number = 0
    while f"encoder.layer.{number}.output.dense.weight" in weights:
        layer = f"encoder.layer.{number}"
        mixed = _attended(graph, x, absent, weights, f"{layer}.attention.self", heads)
        x = _added(graph, x, mixed, weights, f"{layer}.attention.output")
        wide = _linear(graph, x, *_parameters(weights, f"{layer}.intermediate.dense"))
        x = _added(graph, x, _gelu(graph, wide), weights, f"{layer}.output")
        number += 1
    width = len(weights["embeddings.LayerNorm.bias"])
    graph.output("states", x, "n", "m", width)
    return graph


def _embedded(graph: Graph, ids: str, weights: Weights) -> str:
    """Sum of piece, position and sentence embeddings; there is only one sentence."""
    pieces, places, sentences = (
        weights[f"embeddings.{kind}_embeddings.weight"]
        for kind in ("word", "position", "token_type")
    )
    length = graph("Shape", ids, start=1, end=2)
    here = graph("Slice", places + sentences[0], np.array([0]), length)
    x = graph("Add", graph("Gather", pieces, ids), here)
    return _normalised(graph, x, weights, "embeddings.LayerNorm")


def _attended(
    graph: Graph, x: str, absent: str, weights: Weights, name: str, heads: int
) -> str:
    matrices, biases = zip(
        *(_parameters(weights, f"{name}.{part}") for part in ("query", "key", "value")),
        strict=True,
    )
    width = len(biases[0])
    # One product for queries, keys and values; the scale is applied to the queries.
    scales = np.repeat(np.array([(heads / width) ** 0.5, 1, 1], np.float32), width)
    whole = _linear(
        graph,
        x,
        np.concatenate(matrices, axis=1) * scales,
        np.concatenate(biases) * scales,
    )
    shape = np.array([0, 0, heads, width // heads])
    query, key, value = (
        graph("Transpose", graph("Reshape", part, shape), perm=perm)
        for part, perm in zip(
            graph.split("Split", whole, parts=3, axis=2),
            ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]),
            strict=True,
        )
    )
    scores = graph("Add", graph("MatMul", query, key), absent)
    mixed = graph("MatMul", graph("Softmax", scores, axis=-1), value)
    mixed = graph("Transpose", mixed, perm=[0, 2, 1, 3])
    return graph("Reshape", mixed, np.array([0, 0, width]))


def _added(graph: Graph, x: str, change: str, weights: Weights, name: str) -> str:
    change = _linear(graph, change, *_parameters(weights, f"{name}.dense"))
    return _normalised(graph, graph("Add", change, x), weights, f"{name}.LayerNorm")


def _gelu(graph: Graph, x: str) -> str:
    """x Φ(x), by the error function, in the form that onnxruntime fuses."""
    error = graph("Erf", graph("Div", x, np.float32(2**0.5)))
    twice = graph("Mul", x, graph("Add", error, np.float32(1)))
    return graph("Mul", twice, np.float32(0.5))


def _linear(
    graph: Graph,
    x: str,
    matrix: Float[np.ndarray, "i o"],
    bias: Float[np.ndarray, " o"],
) -> str:
    return graph("Add", graph("MatMul", x, matrix), bias)


def _normalised(graph: Graph, x: str, weights: Weights, name: str) -> str:
    scale, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return graph("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)


def _parameters(
    weights: Weights, name: str
) -> tuple[Float[np.ndarray, "i o"], Float[np.ndarray, " o"]]:
    return weights[f"{name}.weight"].T, weights[f"{name}.bias"]
