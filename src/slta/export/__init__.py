"""Moments that were found, written for other programs."""
