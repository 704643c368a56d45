"""Runs: a trained model on disk, its answers and its numbers."""
