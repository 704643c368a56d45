"""Libraries of films of colours."""

from tests.support.libraries import library

__all__ = ["library"]
