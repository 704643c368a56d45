"""Extractors, a module each."""
