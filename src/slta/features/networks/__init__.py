"""Networks as ONNX graphs, built from weights without torch."""
