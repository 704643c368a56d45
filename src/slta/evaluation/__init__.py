"""Evaluation: protocols, metrics, and the formats of other programs."""
