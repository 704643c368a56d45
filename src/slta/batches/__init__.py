"""Batches: the only padding in the program."""
