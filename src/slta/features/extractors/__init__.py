"""Extractors: each is a file."""
