"""Predictions to numbers: protocols, metrics, and the formats of other programs."""
