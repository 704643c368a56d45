"""Runs: trained models on disk, with predictions and results."""
