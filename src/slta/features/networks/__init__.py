"""Networks as ONNX files, written from their weights without torch."""
