"""Queries: understood, parsed, and turned into vectors."""
