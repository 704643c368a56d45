"""Queries: correction, parsing and embeddings."""
