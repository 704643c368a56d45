"""Comparisons of several experiments, trained and evaluated alike."""
