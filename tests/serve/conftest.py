"""Libraries of films of colours, and servers of them."""

from tests.support.libraries import library
from tests.support.servers import client, unused_port

__all__ = ["client", "library", "unused_port"]
