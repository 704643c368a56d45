"""Tests that take minutes: ``make stress``."""
