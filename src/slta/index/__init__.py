"""Moments of many videos, and what is made of them."""
